//! The threads that serve connections, each with a runtime of its own.
//!
//! A connection stays with one thread. In a runtime of several threads each wakes others to share what there is to
//! do, which for requests as short as these cost nearly a fifth of their processor time. So nothing that takes long may
//! be done here: heavy requests are answered in the runtime that started the mocks.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// The threads; they are told to end, and drop what they still do, when this is dropped.
#[derive(Debug)]
pub(super) struct Workers {
    workers: Vec<Worker>,
    // Nothing is ever sent: that it is gone is the end.
    _ends: watch::Sender<()>,
}

/// A thread, and what is counted once for each of its connections, and once for itself.
#[derive(Debug)]
struct Worker {
    runtime: Handle,
    seat: Arc<()>,
}

impl Workers {
    /// Starts as many threads as there are cores.
    pub(super) fn start() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let ends = watch::Sender::new(());
        let start = |number| Worker::start(number, ends.subscribe());
        let workers = (0..count).map(start).collect::<io::Result<_>>()?;
        Ok(Self { workers, _ends: ends })
    }

    /// Returns the thread with the fewest connections, and a seat there, to be held as long as the connection is open.
    pub(super) fn freest(&self) -> (&Handle, Arc<()>) {
        let freest = self.workers.iter().min_by_key(|worker| Arc::strong_count(&worker.seat));
        let worker = freest.expect("there is a core");
        (&worker.runtime, Arc::clone(&worker.seat))
    }
}

impl Worker {
    fn start(number: usize, mut ends: watch::Receiver<()>) -> io::Result<Self> {
        // The runtime is made where it runs: whoever starts this may be in one, where none may be dropped.
        let (sender, made) = mpsc::channel();
        let run = move || match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                drop(sender.send(Ok(runtime.handle().clone())));
                runtime.block_on(async { while ends.changed().await.is_ok() {} });
            }
            Err(error) => drop(sender.send(Err(error))),
        };
        drop(thread::Builder::new().name(format!("connections-{number}")).spawn(run)?);
        let runtime = made.recv().unwrap_or_else(|_gone| Err(io::ErrorKind::Other.into()))?;
        Ok(Self { runtime, seat: Arc::new(()) })
    }
}
