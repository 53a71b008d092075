"""The OpenAI SDK for Python, unchanged, of major 2 and 3: normal calls, and what it makes of each fault."""

import json
import os

import openai
from common import admin, check, fault, finish

MAJOR = int(openai.__version__.split(".")[0])
MESSAGES = [{"role": "user", "content": "hi"}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "w", "parameters": PARAMETERS}}
SAID = "Hello, you said hi."


def client(**options):
    return openai.OpenAI(**{"max_retries": 0, "timeout": 5.0, **options})


def of(result, error):
    """Returns how something ended: what came, or the class of what was raised."""
    if error is None:
        return result
    extra = [str(value) for value in (getattr(error, "status_code", None), getattr(error, "code", None)) if value]
    return " ".join([type(error).__name__, *extra])


def ended(call):
    try:
        return of(call(), None)
    except Exception as error:  # noqa: BLE001 (the class is what is asked for)
        return of(None, error)


def said(**options):
    reply = client(**options).chat.completions.create(model="m", messages=MESSAGES)
    return f"{reply.choices[0].message.content or reply.choices[0].message.refusal}|{reply.choices[0].finish_reason}"


def streamed(**options):
    """Returns what a stream said before it ended, and how it ended."""
    pieces, finish_reason = [], None
    try:
        for chunk in client(**options).chat.completions.create(model="m", messages=MESSAGES, stream=True):
            pieces.append(chunk.choices[0].delta.content or "")
            finish_reason = chunk.choices[0].finish_reason or finish_reason
    except Exception as error:  # noqa: BLE001
        return f"{''.join(pieces)}|{of(None, error)}"
    return f"{''.join(pieces)}|{finish_reason}"


def normal():
    c = client()
    check("plain", said(), f"{SAID}|stop")
    reply = c.chat.completions.with_raw_response.create(model="gpt-x", messages=MESSAGES)
    parsed = reply.parse()
    check("request id", parsed._request_id, reply.headers["x-request-id"])
    check("model", parsed.model, "gpt-x")
    check("usage", (parsed.usage.prompt_tokens, parsed.usage.completion_tokens), (5, 6))
    check("stream", streamed(), f"{SAID}|stop")
    chunks = list(c.chat.completions.create(model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}))
    check("usage of a stream", chunks[-1].usage.total_tokens, 11)
    with c.chat.completions.stream(model="m", messages=MESSAGES) as stream:
        check("helper", stream.get_final_completion().choices[0].message.content, SAID)
    check("limit of tokens", c.chat.completions.create(model="m", messages=MESSAGES, max_completion_tokens=2).choices[0].finish_reason, "length")
    asked = [{"role": "user", "content": "weather?"}]
    call = c.chat.completions.create(model="m", messages=asked, tools=[TOOL]).choices[0].message.tool_calls[0]
    check("asks for a tool", (call.function.name, json.loads(call.function.arguments)), ("weather", {"city": "Oslo"}))
    answered = [*asked, {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},
                {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"}]
    second = c.chat.completions.create(model="m", messages=answered, tools=[TOOL])
    check("answers with its result", second.choices[0].message.content, "It says: 12 degrees")
    check("what was sent before is cached", second.usage.prompt_tokens_details.cached_tokens > 0, True)


def responses_and_more():
    c = client()
    first = c.responses.create(model="m", input="hi")
    check("responses", (first.output_text, first.usage.total_tokens), (SAID, 11))
    events = list(c.responses.create(model="m", input="hi", stream=True))
    check("responses stream", "".join(e.delta for e in events if e.type == "response.output_text.delta"), SAID)
    check("responses end", (events[-1].type, [e.sequence_number for e in events] == list(range(len(events)))), ("response.completed", True))
    with c.responses.stream(model="m", input="hi") as stream:
        check("responses helper", stream.get_final_response().output_text, SAID)
    tool = {"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": False}
    call = c.responses.create(model="m", input="weather?", tools=[tool]).output[0]
    check("responses tool", (call.type, call.name), ("function_call", "weather"))
    result = [{"role": "user", "content": "weather?"}, call.model_dump(exclude_none=True),
              {"type": "function_call_output", "call_id": call.call_id, "output": "12 degrees"}]
    check("responses answer", c.responses.create(model="m", input=result, tools=[tool]).output_text, "It says: 12 degrees")
    later = c.responses.create(model="m", input="more", previous_response_id=first.id)
    check("a conversation goes on", later.usage.input_tokens_details.cached_tokens, 11)
    vectors = c.embeddings.create(model="e", input=["a refund", "a refund", "weather"])
    a, b, other = (vector.embedding for vector in vectors.data)
    check("embeddings", (a == b, a == other, len(a)), (True, False, 256))
    check("models", ([m.id for m in c.models.list()], c.models.retrieve("gpt-x").id), (["llm"], "gpt-x"))


def refused():
    """Attempts of a client that may retry twice, and what it raises in the end."""
    tries = {"max_retries": 2}
    for status, wanted, attempts in [
        (429, "RateLimitError 429 rate_limit_exceeded", 3),
        (503, "InternalServerError 503 server_is_overloaded", 3),
        (400, "BadRequestError 400", 1), (401, "AuthenticationError 401 invalid_api_key", 1),
        (402, "APIStatusError 402 402", 1), (412, "APIStatusError 412 412", 1), (446, "APIStatusError 446", 1),
    ]:
        with fault("llm", "error", {"share": "100%", "status": status}) as armed:
            check(f"status {status}", (ended(lambda: said(**tries)), armed.attempts), (wanted, attempts))
    with fault("llm", "error", {"share": "100%", "status": 429, "code": "insufficient_quota"}) as armed:
        check("hopeless quota, retried all the same", (ended(lambda: said(**tries)), armed.attempts), ("RateLimitError 429 insufficient_quota", 3))
    with fault("llm", "error", {"share": "100%", "status": 246}):
        check("flagged and served", said(), f"{SAID}|stop")
    with fault("llm", "retry-after", {"share": "100%", "wait": "300s"}) as armed:
        check("asked to wait for 300 s", (ended(lambda: said(**tries)), armed.attempts), ("RateLimitError 429 rate_limit_exceeded", 1))
    with fault("llm", "error", {"share": "100%", "status": 500}) as armed:
        said_retry = ended(lambda: said(**tries))
    retries = [call["retry"] for call in admin("calls?mock=llm")["llm"]["calls"][-3:]]
    check("the mock sees which attempt it is", (said_retry, retries), ("InternalServerError 500", [0, 1, 2]))


def broken():
    """A reply that breaks off, by stage and ending: whether the client sees it, and whether it tries again."""
    cut = "APIConnectionError" if MAJOR >= 3 else "RemoteProtocolError"
    reset = "APIConnectionError" if MAJOR >= 3 else "ReadError"
    stall = "APITimeoutError" if MAJOR >= 3 else "ReadTimeout"
    rows = [
        ("before-headers", "cut", "|APIConnectionError", 2), ("before-headers", "reset", "|APIConnectionError", 2),
        ("headers", "cut", f"|{cut}", 1), ("first-event", "cut", f"|{cut}", 1),
        ("event", "cut", f"Hello,|{cut}", 1), ("event", "reset", f"Hello,|{reset}", 1),
        # Nothing is raised: half an answer is taken for a whole one.
        ("event", "clean", "Hello,|None", 1), ("terminal", "clean", f"{SAID}|None", 1),
        ("event", "error", "Hello,|APIError", 1), ("first-event", "error", "|APIError", 1),
        ("event", "stall", f"Hello,|{stall}", 1), ("after-commit", "cut", "|APIConnectionError", 2),
    ]
    for stage, ending, wanted, attempts in rows:
        dose = {"share": "100%", "stage": stage, "ending": ending}
        options = {"max_retries": 1, "timeout": 0.6 if ending == "stall" else 5.0}
        with fault("llm", "interruption", dose) as armed:
            got = streamed(**options)
            check(f"{stage}, {ending}", (got, *armed.counts()), (wanted, attempts, attempts))
    with fault("llm", "hang", {"share": "100%"}) as armed:
        got = ended(lambda: said(max_retries=1, timeout=0.4))
        check("never answered", (got, armed.attempts), ("APITimeoutError", 2))
    with fault("llm", "interruption", {"share": "100%", "stage": "terminal", "ending": "clean"}):
        check("half a body", ended(said), "JSONDecodeError")


def drifted():
    """Replies with status 200 that are not what they were."""
    with fault("llm", "truncation", {"share": "100%"}):
        check("truncation", said(), "Hello, you|length")
    with fault("llm", "refusal", {"share": "100%"}):
        check("refusal", said(), "I can't help with that.|content_filter")
    with fault("llm", "quality-drop", {"share": "100%"}):
        check("quality drop", said() not in (f"{SAID}|stop",) and said().endswith("|stop"), True)
    with fault("llm", "corruption", {"share": "100%"}):
        check("corruption", any("\u0e00" <= c <= "\u0e7f" for c in streamed()), True)
    with fault("llm", "usage-missing", {"share": "100%"}):
        check("usage missing", client().chat.completions.create(model="m", messages=MESSAGES).usage, None)
    with fault("llm", "token-inflation", {"share": "100%", "factor": "300%"}):
        check("tokens inflated", client().chat.completions.create(model="m", messages=MESSAGES).usage.total_tokens, 33)
    with fault("llm", "reasoning-bloat", {"share": "100%", "factor": "400%"}):
        usage = client().chat.completions.create(model="m", messages=MESSAGES).usage
        check("reasoning", (usage.completion_tokens, usage.completion_tokens_details.reasoning_tokens), (24, 18))
    with fault("llm", "bleed", {"share": "100%"}):
        check("another customer's data", "SDC-" in said(), True)
    asked = [{"role": "user", "content": "weather?"}]
    with fault("llm", "tool-call-degrade", {"share": "100%"}):
        ways = set()
        for _ in range(12):
            message = client().chat.completions.create(model="m", messages=asked, tools=[TOOL]).choices[0].message
            call = message.tool_calls[0].function if message.tool_calls else None
            broken = call and ended(lambda: json.loads(call.arguments)) == "JSONDecodeError"
            ways.add("none" if call is None else "arguments" if broken else call.name)
        check("broken calls", ways, {"none", "arguments", "weather_v2"})


def limits():
    """Quotas are told truly, and refuse when they say that nothing is left."""
    c = client(base_url=f"{os.environ['STORMDRILL_LIMITED_URL']}/v1")
    left = []
    for _ in range(3):
        reply = c.chat.completions.with_raw_response.create(model="m", messages=MESSAGES)
        left.append((reply.headers["x-ratelimit-limit-requests"], reply.headers["x-ratelimit-remaining-requests"]))
    check("what is left", left, [("3", "2"), ("3", "1"), ("3", "0")])
    try:
        c.chat.completions.create(model="m", messages=MESSAGES)
        check("the fourth", "served", "refused")
    except openai.RateLimitError as error:
        wait = float(error.response.headers["retry-after-ms"]) / 1000
        check("the fourth waits for the next", 15 < wait <= 20, True)


for part in (normal, responses_and_more, refused, broken, drifted, limits):
    part()
print(f"openai {openai.__version__} for Python")
finish()
