"""What a run leaves for other tools: its objects in the forms that labelling and training tools read, and back."""

FORMATS = ("coco", "yolo", "cvat", "label-studio", "fiftyone", "huggingface", "csv")
TOOLS = ("label-studio", "cvat", "fiftyone")  # whose verdicts come back
WHAT = ("selection", "rare", "all")
