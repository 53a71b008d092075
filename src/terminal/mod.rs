//! The console in a terminal: a client of the page's own interface, for whoever works in a shell.

mod link;
mod screen;
mod view;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::gameday::Board;

use link::{Desk, Heard};
use screen::{Screen, Standing, Wish};

/// How long after a lost connection it is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long what was asked for may take when somebody leaves.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// The signals that end a console: the terminal has to be given back.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> io::Result<Self> {
        let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        let [terminate, interrupt, hangup] = kinds.map(signal);
        Ok(Self([terminate?, interrupt?, hangup?]))
    }

    async fn next(&mut self) {
        let [terminate, interrupt, hangup] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// What the screen is told.
#[derive(Debug)]
enum News {
    /// The state of now.
    State(Box<Board>),
    /// How the connection is.
    Standing(Standing),
    /// What was answered to something that was done.
    Said(String),
    /// Somebody has pressed a key, or the window has changed.
    Event(Event),
    /// No key can be read any more.
    Unread(io::Error),
}

/// Shows the console of a link until somebody leaves it.
///
/// Fails where the link is none (`InvalidInput`), where its key is not the drill's (`PermissionDenied`), and where nobody
/// serves the console or no terminal is there.
pub fn open(link: &str) -> io::Result<()> {
    let desk = Desk::of(link).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "this is no link of a console: `http://127.0.0.1:PORT/#key=KEY`",
        )
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let desk = Arc::new(desk);
    let role = runtime.block_on(desk.role())?;
    let (told, news) = mpsc::channel(64);
    runtime.spawn(listen(Arc::clone(&desk), told.clone()));
    let mut terminal = ratatui::try_init()?;
    let keys = told.clone();
    // It ends with the program: nothing can call a thread back that waits for a key.
    std::thread::spawn(move || {
        loop {
            let read = event::read();
            let is_last = read.is_err();
            let sent = keys.blocking_send(read.map_or_else(News::Unread, News::Event));
            if is_last || sent.is_err() {
                return;
            }
        }
    });
    let shown = runtime.block_on(play(&mut terminal, Screen::new(role), (desk, told), news));
    ratatui::restore();
    runtime.shutdown_background();
    shown
}

async fn play(
    terminal: &mut DefaultTerminal,
    mut screen: Screen,
    (desk, told): (Arc<Desk>, mpsc::Sender<News>),
    mut news: mpsc::Receiver<News>,
) -> io::Result<()> {
    let mut signals = Signals::new()?;
    let mut acts = JoinSet::new();
    loop {
        terminal.draw(|frame| view::draw(&screen, frame))?;
        let of = tokio::select! {
            of = news.recv() => of,
            () = signals.next() => return Ok(()),
        };
        let Some(of) = of else { return Ok(()) };
        match of {
            News::State(board) => screen.show(*board),
            News::Standing(standing) => screen.standing = standing,
            News::Said(said) => screen.said = said,
            News::Event(Event::Key(key)) => match screen.press(key) {
                Wish::Nothing => {}
                Wish::Leave => {
                    // What was asked for is asked before anybody leaves.
                    let _late: Result<(), _> = tokio::time::timeout(LEAVE_WITHIN, async {
                        while acts.join_next().await.is_some() {}
                    })
                    .await;
                    return Ok(());
                }
                Wish::Act(command) => {
                    let (desk, told) = (Arc::clone(&desk), told.clone());
                    acts.spawn(async move {
                        let said = desk.act(&command).await;
                        // A screen that is gone shows nothing.
                        let _shown: Result<(), _> = told.send(News::Said(said)).await;
                    });
                }
            },
            // Whatever has changed about the window, it is drawn anew.
            News::Event(_) => {}
            News::Unread(error) => return Err(error),
        }
        while acts.try_join_next().is_some() {}
    }
}

/// Listens to the drill until it is over; a connection that is lost is made again.
async fn listen(desk: Arc<Desk>, told: mpsc::Sender<News>) {
    loop {
        let heard = desk.listen(|board| {
            let told = told.clone();
            async move { told.send(News::State(Box::new(board))).await.is_ok() }
        });
        let standing = match heard.await {
            Heard::Over => Standing::Over,
            Heard::Refused => Standing::Refused,
            Heard::Lost => Standing::Lost,
        };
        if told.send(News::Standing(standing)).await.is_err() || standing != Standing::Lost {
            return;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}
