"""A server that lists what no machine here could hold: a day of a million homes, 5 000 buckets in each of 13 tables.

`python -m benchmarks.fleet_lake.listing_server LATENCY` says its address in the first line, and answers every listing
below a table's day by a thousand objects a page, each answer after the latency [s].
"""

import asyncio
import sys
from urllib.parse import parse_qsl, urlsplit

BUCKETS, PAGE = 5000, 1000
_OBJECT = (
    "<Contents><Key>{prefix}bucket={bucket:04d}/part.parquet</Key><LastModified>2026-01-02T00:00:00.000Z</LastModified>"
    "<ETag>&quot;{bucket:032x}&quot;</ETag><Size>400000</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


def page_of(query: dict[str, str]) -> bytes:
    """Return the document of one page of a listing."""
    first = int(query.get("continuation-token", "0"))
    last, prefix = min(BUCKETS, first + PAGE), query.get("prefix", "")
    objects = "".join(_OBJECT.format(prefix=prefix, bucket=bucket) for bucket in range(first, last))
    more = f"<NextContinuationToken>{last}</NextContinuationToken>" if last < BUCKETS else ""
    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>'
        f"<Prefix>{prefix}</Prefix><KeyCount>{last - first}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
        f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}{objects}</ListBucketResult>"
    ).encode()


async def serve(latency: float) -> None:
    """Answer until standard input ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                await asyncio.sleep(latency)
                body = page_of(dict(parse_qsl(urlsplit(head.split(" ", 2)[1]).query)))
                start = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(start.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
