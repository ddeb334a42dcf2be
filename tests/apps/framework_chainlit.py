"""A Chainlit chat that answers, asks and streams, for `chainlit run`. It does not import fanio."""

from __future__ import annotations

import chainlit as cl


@cl.on_chat_start
async def start() -> None:
    """Greets."""
    await cl.Message(content="welcome").send()


@cl.on_message
async def answer(message: cl.Message) -> None:
    """Asks back, streams, or repeats."""
    if message.content == "ask":
        reply = await cl.AskUserMessage(content="your name?", timeout=30).send()
        await cl.Message(content=f"hello {reply['output'] if reply else 'nobody'}").send()
    elif message.content == "stream":
        streamed = cl.Message(content="")
        for number in range(50):
            await streamed.stream_token(f"{number} ")
        await streamed.send()
    else:
        await cl.Message(content=f"answer: {message.content}").send()


@cl.on_window_message
async def ask(message: str) -> None:
    """Runs the loop inside a handler, which nest_asyncio makes possible."""
    reply = cl.run_sync(cl.AskUserMessage(content=f"{message}?", timeout=30).send())
    cl.run_sync(cl.Message(content=f"asked {reply['output'] if reply else 'nobody'}").send())


@cl.on_chat_end
async def end() -> None:
    """Says that the client has gone."""
    print("the chat has ended", flush=True)
