"""The Anthropic SDK for Python, unchanged, of major 0 and 2: normal calls, and what it makes of each fault."""

import os

import anthropic
from common import admin, check, fault, finish

MAJOR = int(anthropic.__version__.split(".")[0])
MESSAGES = [{"role": "user", "content": "hi"}]
ASK = {"model": "claude-x", "max_tokens": 100}
TOOL = {"name": "weather", "description": "w", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
SAID = "Hello, you said hi."
# One of the two credentials at a time is what the newer major takes.
os.environ.pop("ANTHROPIC_API_KEY", None)


def client(**options):
    options = {"max_retries": 0, "timeout": 5.0, **options}
    if "auth_token" not in options:
        options["api_key"] = "stormdrill"
    return anthropic.Anthropic(**options)


def name(error):
    extra = [str(value) for value in (getattr(error, "status_code", None), getattr(error, "type", None)) if value]
    return " ".join([type(error).__name__, *extra])


def ended(call):
    try:
        return call()
    except Exception as error:  # noqa: BLE001 (the class is what is asked for)
        return name(error)


def said(**options):
    reply = client(**options).messages.create(messages=MESSAGES, **ASK)
    return f"{reply.content[0].text}|{reply.stop_reason}"


def streamed(**options):
    pieces, stop = [], None
    try:
        for event in client(**options).messages.create(messages=MESSAGES, stream=True, **ASK):
            if event.type == "content_block_delta":
                pieces.append(event.delta.text)
            if event.type == "message_delta":
                stop = event.delta.stop_reason
    except Exception as error:  # noqa: BLE001
        return f"{''.join(pieces)}|{name(error)}"
    return f"{''.join(pieces)}|{stop}"


def normal():
    c = client()
    check("plain", said(), f"{SAID}|end_turn")
    check("by token", said(auth_token="t"), f"{SAID}|end_turn")
    check("stream", streamed(), f"{SAID}|end_turn")
    with c.messages.stream(messages=MESSAGES, **ASK) as stream:
        final = stream.get_final_message()
    check("helper", (final.content[0].text, final.usage.output_tokens, final.stop_reason), (SAID, 6, "end_turn"))
    check("limit of tokens", c.messages.create(model="m", max_tokens=2, messages=MESSAGES).stop_reason, "max_tokens")
    check("count", c.messages.count_tokens(model="m", messages=MESSAGES).input_tokens, 5)
    check("models", ([m.id for m in c.models.list()], c.models.retrieve("x").id), (["llm"], "x"))
    asked = [{"role": "user", "content": "weather?"}]
    for is_stream in (False, True):
        if is_stream:
            with c.messages.stream(messages=asked, tools=[TOOL], **ASK) as stream:
                first = stream.get_final_message()
        else:
            first = c.messages.create(messages=asked, tools=[TOOL], **ASK)
        use = next(block for block in first.content if block.type == "tool_use")
        check("asks for a tool", (use.name, use.input, first.stop_reason), ("weather", {"city": "Oslo"}, "tool_use"))
        answered = [*asked, {"role": "assistant", "content": [{"type": "tool_use", "id": use.id, "name": use.name, "input": use.input}]},
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "12 degrees"}]}]
        second = c.messages.create(messages=answered, tools=[TOOL], **ASK)
        check("answers with its result", second.content[0].text, "It says: 12 degrees")
    marked = [{**answered[0], "content": [{"type": "text", "text": "weather?", "cache_control": {"type": "ephemeral"}}]}, *answered[1:]]
    check("cached where it is marked", c.messages.create(messages=marked, **ASK).usage.cache_read_input_tokens > 0, True)
    check("and not elsewhere", second.usage.cache_read_input_tokens, 0)


def refused():
    tries = {"max_retries": 2}
    new = MAJOR >= 2
    rows = [
        (429, None, "RateLimitError 429 rate_limit_error", 3),
        (429, "enforced_spend_limit_reached", f"{'EnforcedSpendLimitReachedError' if new else 'RateLimitError'} 429 rate_limit_error", 3),
        (429, "ramp_limit_exceeded", f"{'RampLimitExceededError' if new else 'RateLimitError'} 429 rate_limit_error", 3),
        (529, None, "OverloadedError 529 overloaded_error", 3),
        (500, None, "InternalServerError 500 api_error", 3),
        (401, None, "AuthenticationError 401 authentication_error", 1),
        (402, None, f"{'PaymentRequiredError' if new else 'APIStatusError'} 402 billing_error", 1),
        (413, None, f"{'ContentTooLargeError' if new else 'RequestTooLargeError'} 413 request_too_large", 1),
    ]
    for status, code, wanted, attempts in rows:
        dose = {"share": "100%", "status": status, **({"code": code} if code else {})}
        with fault("llm", "error", dose) as armed:
            check(f"status {status} {code or ''}", (ended(lambda: said(**tries)), armed.attempts), (wanted, attempts))
    check("which attempt", [call["retry"] for call in admin("calls?mock=llm")["llm"]["calls"][-1:]], [0])


def broken():
    library = "httpx"
    cut, reset, stall = "RemoteProtocolError", "ReadError", "ReadTimeout"
    rows = [
        ("before-headers", "cut", "|APIConnectionError", 2), ("headers", "cut", f"|{cut}", 1),
        # The third event is where the content begins: its first piece is the fourth.
        ("event", "cut", f"Hello,|{cut}", 1), ("event", "reset", f"Hello,|{reset}", 1),
        ("event", "clean", "Hello,|None", 1), ("terminal", "clean", f"{SAID}|None", 1),
        ("event", "error", "Hello,|APIStatusError 200 overloaded_error", 1),
        ("first-event", "error", "|APIStatusError 200 overloaded_error", 1),
        ("event", "stall", f"Hello,|{stall}", 1),
    ]
    for stage, ending, wanted, attempts in rows:
        dose = {"share": "100%", "stage": stage, "ending": ending, **({"after": 5} if stage == "event" else {})}
        options = {"max_retries": 1, "timeout": 0.6 if ending == "stall" else 5.0}
        with fault("llm", "interruption", dose) as armed:
            check(f"{stage}, {ending} ({library})", (streamed(**options), *armed.counts()), (wanted, attempts, attempts))
    with fault("llm", "interruption", {"share": "100%", "stage": "terminal", "ending": "clean"}):
        with client().messages.stream(messages=MESSAGES, **ASK) as stream:
            final = stream.get_final_message()
        check("the helper takes half an answer for a whole one", (final.content[0].text, final.stop_reason), (SAID, None))


def drifted():
    with fault("llm", "truncation", {"share": "100%"}):
        check("truncation", said(), "Hello, you|max_tokens")
    with fault("llm", "refusal", {"share": "100%"}):
        check("refusal", said(), "I can't help with that.|refusal")
    with fault("llm", "corruption", {"share": "100%"}):
        with client().messages.stream(messages=[{"role": "user", "content": "weather?"}], tools=[TOOL], **ASK) as stream:
            pieces = "".join(e.partial_json for e in stream if e.type == "input_json")
        check("arguments that are no JSON", pieces, '{"city":"Oslo"')


for part in (normal, refused, broken, drifted):
    part()
print(f"anthropic {anthropic.__version__} for Python")
finish()
