"""Looking, judging and searching in a finished run: one component for JupyterLab and for report.html, and its data."""
