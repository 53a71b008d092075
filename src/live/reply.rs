//! The body of a reply: whole, or frame by frame, each at its moment; and every way in which it can end.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use async_io::Timer;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::base::Span;
use crate::live::clock::Moment;
use crate::live::line::{Line, Open};
use crate::live::serve;
use crate::live::taken::Taken;
use crate::live::traffic::Call;
use crate::live::work::Work;
use crate::model::Told;
use crate::plan::Break;
use crate::scenario::file::faults::wire::{BreakEnding, Stage};
use crate::wire::answer::{Answer, Cursor, Step};
use crate::wire::anthropic::{errors as anthropic_errors, messages};
use crate::wire::frames::Frames;
use crate::wire::openai::{chat, errors as openai_errors, responses};

/// How long what has been sent is given to leave before the connection is broken.
const FLUSH: Span = Span(2_000_000);

/// The connection is to be closed without the end of the reply.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut, as a fault says")
    }
}

impl std::error::Error for Cut {}

/// Waits for as long as a stalled reply keeps its connection.
type Stall = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Notes a call when its reply is over, however that comes about.
#[derive(Debug)]
pub(super) struct Note {
    /// The request.
    pub(super) taken: Arc<Taken>,
    /// What is noted; the status is set when the headers leave.
    pub(super) call: Call,
}

impl Note {
    /// Returns the host at which the mock is served.
    pub(super) fn host(&self) -> String {
        let port = self.taken.world().ports.get().and_then(|ports| ports.get(self.taken.mock)).copied();
        format!("127.0.0.1:{}", port.unwrap_or_default())
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let (world, mock) = (self.taken.world(), self.taken.mock);
        self.call.hits = self.taken.changed.load(Ordering::Relaxed);
        let over = Moment::now();
        let took = world.clock.passed(over.since(self.taken.arrived));
        world.traffic(mock).own().call(self.call, over, took);
        if self.taken.who.stated.is_none() {
            let tokens = self.call.tokens.1 as u32;
            let status = if self.call.has_failed { 0 } else { self.call.status };
            world.tell_of_others(|| Told::Foreign { mock, status, took, tokens });
        }
    }
}

/// The form of a stream.
#[derive(Debug)]
pub(super) enum Writer {
    /// `OpenAI` chat completions.
    Chat(chat::Stream),
    /// `OpenAI` Responses.
    Responses(responses::Stream),
    /// Anthropic Messages; the id of the request, for errors.
    Messages(String),
}

impl Writer {
    fn write(&mut self, answer: &Answer, step: &Step, frames: &mut Frames) {
        match self {
            Self::Chat(stream) => stream.write(answer, step, frames),
            Self::Responses(stream) => stream.write(answer, step, frames),
            Self::Messages(_) => messages::write_step(answer, step, frames),
        }
    }

    fn error(&mut self, frames: &mut Frames) {
        let said = "The server had an error while processing your request. Sorry about that!";
        match self {
            Self::Chat(_) => chat::error(frames, &openai_errors::envelope("server_error", None, None, said)),
            Self::Responses(stream) => stream.error(frames, "server_error", said),
            Self::Messages(request) => frames.event(Some("error"), &anthropic_errors::inside(529, request)),
        }
    }
}

/// A stream: what is said, and when each piece leaves.
#[derive(Debug)]
pub(super) struct Stream {
    /// What is said.
    pub(super) answer: Arc<Answer>,
    /// In which form.
    pub(super) writer: Writer,
    /// When the work began.
    pub(super) begun: Moment,
    /// How long until the first piece, in the machine's time.
    pub(super) first: Span,
    /// How long each token takes, in nanoseconds of the machine's time.
    pub(super) per_token: f64,
}

/// What the body consists of.
#[derive(Debug)]
enum Source {
    /// One piece.
    Whole(Bytes),
    /// Ready frames, each at its moment.
    Ready(std::vec::IntoIter<Bytes>),
    /// A stream that is written as it goes.
    Stream(Box<StreamState>),
    /// A subscription: frames come from elsewhere.
    Channel(tokio::sync::mpsc::Receiver<Bytes>),
    /// Nothing.
    Empty,
}

#[derive(Debug)]
struct StreamState {
    stream: Stream,
    cursor: Cursor,
    frames: Frames,
    next: usize,
    is_terminal: bool,
}

/// The body of a reply.
pub(super) struct ReplyBody {
    source: Source,
    is_exact: bool,
    broken: Option<Break>,
    sent: u32,
    /// When the next piece leaves; and the timer for it.
    due: Option<Moment>,
    timer: Option<Timer>,
    ending: Option<BreakEnding>,
    open: Open<Arc<Line>>,
    // The work before the note: its slot is free when the call is noted.
    work: Option<Box<Work>>,
    note: Option<Note>,
    stall: Option<Stall>,
}

impl ReplyBody {
    fn of(source: Source, line: &Arc<Line>) -> Self {
        Self {
            source,
            is_exact: false,
            broken: None,
            sent: 0,
            due: None,
            timer: None,
            ending: None,
            open: Open::new(Arc::clone(line)),
            work: None,
            note: None,
            stall: None,
        }
    }

    /// Returns a body in one piece.
    pub(super) fn whole(bytes: impl Into<Bytes>, line: &Arc<Line>) -> Self {
        Self { is_exact: true, ..Self::of(Source::Whole(bytes.into()), line) }
    }

    /// Returns a body in one piece, with the note of its call.
    pub(super) fn noted(bytes: impl Into<Bytes>, note: Note) -> Self {
        let line = Arc::clone(&note.taken.line);
        Self { note: Some(note), ..Self::whole(bytes, &line) }
    }

    /// Returns a body without a byte.
    pub(super) fn empty(line: &Arc<Line>) -> Self {
        Self { is_exact: true, ..Self::of(Source::Empty, line) }
    }

    /// Returns a body of ready frames.
    pub(super) fn frames(frames: Vec<Bytes>, line: &Arc<Line>) -> Self {
        Self::of(Source::Ready(frames.into_iter()), line)
    }

    /// Returns a body whose frames come from elsewhere, until that is over.
    pub(super) fn channel(receiver: tokio::sync::mpsc::Receiver<Bytes>, line: &Arc<Line>) -> Self {
        Self::of(Source::Channel(receiver), line)
    }

    /// Returns a body that is written as it goes.
    pub(super) fn stream(stream: Stream, line: &Arc<Line>) -> Self {
        let due = stream.begun.after(stream.first);
        let state = StreamState {
            stream,
            cursor: Cursor::default(),
            frames: Frames::default(),
            next: 0,
            is_terminal: false,
        };
        Self { due, ..Self::of(Source::Stream(Box::new(state)), line) }
    }

    /// Breaks the body off.
    #[must_use]
    pub(super) fn broken(mut self, broken: Break) -> Self {
        // What ends as if it were all has no length that it could fall short of.
        self.is_exact &= broken.ending != BreakEnding::Clean;
        self.broken = Some(broken);
        self
    }

    /// Gives the body the work that it reports on, and the note of its call.
    #[must_use]
    pub(super) fn with(self, work: Option<Box<Work>>, note: Option<Note>) -> Self {
        Self { work, note, ..self }
    }

    fn finish(&mut self) {
        if let Some(work) = &mut self.work {
            work.finish();
        }
    }

    /// Waits for the moment of the next piece.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = &mut self.timer {
            if Pin::new(timer).poll(cx).is_pending() {
                return Poll::Pending;
            }
            (self.timer, self.due) = (None, None);
        }
        match self.due {
            Some(due) if !due.has_come() => {
                let mut timer = due.timer();
                if Pin::new(&mut timer).poll(cx).is_pending() {
                    self.timer = Some(timer);
                    return Poll::Pending;
                }
                self.due = None;
                Poll::Ready(())
            }
            Some(_) | None => Poll::Ready(()),
        }
    }

    /// Returns whether the body breaks off before its next frame.
    fn breaks_now(&self) -> Option<BreakEnding> {
        let broken = self.broken?;
        let is_terminal = match &self.source {
            Source::Stream(state) => state.is_terminal,
            // One piece, or the last of the ready ones, is the end of the reply.
            Source::Whole(_) | Source::Empty => self.sent > 0,
            Source::Ready(frames) => frames.len() <= 1,
            Source::Channel(_) => false,
        };
        let is_now = match broken.stage {
            Stage::BeforeHeaders | Stage::AfterCommit | Stage::Headers | Stage::FirstEvent => true,
            Stage::Event => self.sent >= broken.after || (is_terminal && self.sent > 0),
            Stage::Terminal => is_terminal,
        };
        is_now.then_some(broken.ending)
    }

    /// Ends the body as a fault says.
    fn poll_ending(
        &mut self,
        ending: BreakEnding,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match ending {
            BreakEnding::Clean => {
                self.finish();
                self.source = Source::Empty;
                (self.broken, self.ending) = (None, None);
                Poll::Ready(None)
            }
            BreakEnding::Error => {
                self.finish();
                let bytes = self.error_frame();
                self.source = Source::Empty;
                (self.broken, self.ending) = (None, None);
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            BreakEnding::Cut | BreakEnding::Reset | BreakEnding::Stall => {
                if self.ending.is_none() {
                    self.ending = Some(ending);
                    if let Some(note) = &mut self.note {
                        note.call.has_failed = true;
                    }
                    self.finish();
                    if ending != BreakEnding::Stall {
                        self.due = Moment::now().after(FLUSH);
                    } else if let Some(note) = &self.note {
                        let line = Arc::clone(&note.taken.line);
                        self.stall = Some(Box::pin(async move { serve::stall(&line.world).await }));
                    }
                }
                if let Some(stall) = &mut self.stall
                    && stall.as_mut().poll(cx).is_pending()
                {
                    return Poll::Pending;
                }
                if self.poll_due(cx).is_pending() {
                    return Poll::Pending;
                }
                self.open.line().reset.store(ending == BreakEnding::Reset, Ordering::Release);
                Poll::Ready(Some(Err(Cut)))
            }
        }
    }

    fn error_frame(&mut self) -> Option<Bytes> {
        let Source::Stream(state) = &mut self.source else { return None };
        let mut frames = Frames::default();
        state.stream.writer.error(&mut frames);
        frames.iter().next().map(Bytes::copy_from_slice)
    }
}

/// Whether there are frames to send.
#[derive(Debug)]
enum Filled {
    /// There were some left.
    Already,
    /// There are new ones, which leave then.
    Due(Option<Moment>),
    /// All has been said.
    Over,
}

impl StreamState {
    /// Writes the frames of the next step, unless there are some; returns when they leave.
    fn fill(&mut self) -> Filled {
        if self.next < self.frames.len() {
            return Filled::Already;
        }
        self.frames.clear();
        self.next = 0;
        while self.frames.is_empty() {
            let Some((step, passed)) = self.cursor.next(&self.stream.answer) else { return Filled::Over };
            self.is_terminal = step == Step::Finish;
            self.stream.writer.write(&self.stream.answer, &step, &mut self.frames);
            if !self.frames.is_empty() {
                let after = self.stream.first + Span((passed as f64 * self.stream.per_token) as u64);
                return Filled::Due(self.stream.begun.after(after));
            }
        }
        Filled::Already
    }

    fn take(&mut self) -> Bytes {
        let frame = self.frames.iter().nth(self.next).map(Bytes::copy_from_slice).unwrap_or_default();
        self.next += 1;
        frame
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        if let Some(ending) = this.ending {
            return this.poll_ending(ending, cx);
        }
        if let Some(Break { stage: Stage::Headers, ending, .. }) = this.broken {
            return this.poll_ending(ending, cx);
        }
        if let Source::Stream(state) = &mut this.source
            && this.timer.is_none()
        {
            match state.fill() {
                Filled::Due(due) => this.due = due,
                Filled::Already => {}
                Filled::Over => {
                    this.finish();
                    this.source = Source::Empty;
                    return Poll::Ready(None);
                }
            }
        }
        if let Source::Channel(receiver) = &mut this.source {
            return receiver.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))));
        }
        if this.poll_due(cx).is_pending() {
            return Poll::Pending;
        }
        if let Some(ending) = this.breaks_now() {
            return this.poll_ending(ending, cx);
        }
        let piece = match &mut this.source {
            Source::Empty | Source::Channel(_) => None,
            Source::Whole(bytes) => {
                let mut bytes = std::mem::take(bytes);
                if this.broken.is_some() {
                    // Half of it comes, then the break.
                    bytes.truncate(bytes.len() / 2);
                } else {
                    this.source = Source::Empty;
                }
                Some(bytes)
            }
            Source::Ready(frames) => frames.next(),
            Source::Stream(state) => Some(state.take()),
        };
        this.sent += 1;
        if piece.is_none() {
            this.finish();
        }
        Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.source, Source::Empty) && self.broken.is_none() && self.ending.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(bytes) if self.is_exact => SizeHint::with_exact(bytes.len() as u64),
            Source::Empty if self.is_exact => SizeHint::with_exact(0),
            Source::Whole(_) | Source::Empty | Source::Ready(_) | Source::Stream(_) | Source::Channel(_) => {
                SizeHint::default()
            }
        }
    }
}
