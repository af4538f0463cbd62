"""An S3-compatible store in this process, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from app.platform.file_store import S3Store


@contextmanager
def an_s3_bucket() -> Iterator[str]:
    """A bucket of a server in this process; the environment says where it is until the block ends."""
    pytest.importorskip("obstore")
    server_of = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="eu-central-1")
        bucket = f"kept-{uuid4().hex[:8]}"
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield bucket
        client.close()
    server.stop()


@contextmanager
def an_s3_store(prefix: str) -> Iterator[S3Store]:
    with an_s3_bucket() as bucket:
        yield S3Store(bucket, prefix)
