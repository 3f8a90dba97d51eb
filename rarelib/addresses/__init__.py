"""Files at addresses (s3://, gs://, abfs://, memory://, https://): found, read and written, failed requests again."""
