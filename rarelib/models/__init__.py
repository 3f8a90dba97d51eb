"""Detectors and embedders behind plain arrays; alone in knowing OpenVINO, and ultralytics but for demo/train."""
