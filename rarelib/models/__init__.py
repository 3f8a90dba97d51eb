"""Detectors and embedders behind plain arrays; the only room that knows ultralytics, transformers and OpenVINO."""
