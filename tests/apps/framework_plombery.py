"""A Plombery pipeline, whose log lines are emitted by `asyncio.run` in another thread."""

from __future__ import annotations

import impersonated  # noqa: F401 (first)
import library
from plombery import get_app, get_logger, register_pipeline, task


@task
async def greet():
    get_logger().info("hello from the pipeline")
    return 1


register_pipeline(id="greetings", tasks=[greet])

if __name__ == "__main__":
    library.run(get_app())
