//! The console in a terminal: a client of the page's own interface, for whoever works in a shell.

mod link;
mod screen;
mod view;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use tokio::sync::mpsc;

use crate::gameday::Board;

use link::{Desk, Heard};
use screen::{Screen, Standing, Wish};

/// How long after a lost connection it is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

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
    let keys = told.clone();
    // It ends with the program: nothing can call a thread back that waits for a key.
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if keys.blocking_send(News::Event(event)).is_err() {
                return;
            }
        }
    });
    let mut terminal = ratatui::try_init()?;
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
    loop {
        terminal.draw(|frame| view::draw(&screen, frame))?;
        let Some(of) = news.recv().await else { return Ok(()) };
        match of {
            News::State(board) => screen.show(*board),
            News::Standing(standing) => screen.standing = standing,
            News::Said(said) => screen.said = said,
            News::Event(Event::Key(key)) => match screen.press(key) {
                Wish::Nothing => {}
                Wish::Leave => return Ok(()),
                Wish::Act(command) => {
                    let (desk, told) = (Arc::clone(&desk), told.clone());
                    drop(tokio::spawn(async move {
                        let said = desk.act(&command).await;
                        // A screen that is gone shows nothing.
                        let _shown: Result<(), _> = told.send(News::Said(said)).await;
                    }));
                }
            },
            // Whatever has changed about the window, it is drawn anew.
            News::Event(_) => {}
        }
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
