//! The journal of a live drill: lines of JSON, written ahead of what they lead to.
//!
//! A thread of its own writes them, so that a slow disk delays nobody; it flushes at least once a second. What somebody
//! did in the console is on the disk before it is answered.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::sync::oneshot;

use crate::base::Time;
use crate::gameday::command::{Command, Role};

/// How long a line may wait for the disk.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

enum Order {
    Line(String),
    Flush,
    /// A line that has to be on the disk before this is told.
    Sure(String, oneshot::Sender<bool>),
}

/// A journal that is being written, or none.
#[derive(Debug, Default)]
pub(super) struct Log {
    orders: Option<Sender<Order>>,
    writer: Option<JoinHandle<()>>,
    has_failed: Arc<AtomicBool>,
}

impl Log {
    /// Begins a journal in a file that is not there yet.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(named)?;
        let (orders, receiver) = channel();
        let has_failed = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&has_failed);
        let writer = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || write(BufWriter::new(file), &receiver, &failed))?;
        Ok(Self { orders: Some(orders), writer: Some(writer), has_failed })
    }

    /// Writes a line, soon.
    pub(super) fn line(&self, value: &impl Serialize) {
        if let (Some(orders), Ok(text)) = (&self.orders, serde_json::to_string(value)) {
            // A writer that is gone has said so.
            let _sent: Result<(), _> = orders.send(Order::Line(format!("{text}\n")));
        }
    }

    /// Returns whether a journal is written at all.
    pub(super) fn is_on(&self) -> bool {
        self.orders.is_some()
    }

    /// Brings what was written to the disk, soon.
    pub(super) fn flush(&self) {
        if let Some(orders) = &self.orders {
            let _sent: Result<(), _> = orders.send(Order::Flush);
        }
    }

    /// Writes what somebody did; what is returned is told when it is on the disk, or cannot be.
    pub(super) fn act(
        &self,
        at: Time,
        role: Role,
        command: &Command,
        done: &str,
    ) -> Option<oneshot::Receiver<bool>> {
        let orders = self.orders.as_ref()?;
        let value = json!({ "kind": "act", "at_ns": at.0, "role": role.word(), "command": format!("{command:?}"), "answer": done });
        let (sender, told) = oneshot::channel();
        let _sent: Result<(), _> = orders.send(Order::Sure(format!("{value}\n"), sender));
        Some(told)
    }

    /// Returns whether a line could not be written.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Writes what is left, and ends.
    pub(super) fn close(&mut self) {
        self.orders = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            self.has_failed.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}

fn write(mut file: BufWriter<File>, orders: &Receiver<Order>, has_failed: &AtomicBool) {
    let keep = |written: io::Result<()>| {
        let is_ok = written.is_ok();
        if !is_ok {
            has_failed.store(true, Ordering::Relaxed);
        }
        is_ok
    };
    // After a failure half a line may be there: the next one must not join it.
    let begin = |file: &mut BufWriter<File>| {
        if has_failed.load(Ordering::Relaxed) { file.write_all(b"\n") } else { Ok(()) }
    };
    let mut is_dirty = false;
    loop {
        match orders.recv_timeout(FLUSH_EVERY) {
            // The drill asks for this when it shows its state, however many lines there are.
            Ok(Order::Flush) => {
                keep(file.flush());
                is_dirty = false;
            }
            Ok(Order::Line(line)) => {
                keep(begin(&mut file).and_then(|()| file.write_all(line.as_bytes())));
                is_dirty = true;
            }
            Ok(Order::Sure(line, told)) => {
                let sync = |file: &mut BufWriter<File>| {
                    begin(file)?;
                    file.write_all(line.as_bytes())?;
                    file.flush()?;
                    file.get_ref().sync_data()
                };
                let is_sure = keep(sync(&mut file));
                let _sent: Result<(), _> = told.send(is_sure);
                is_dirty = false;
            }
            Err(RecvTimeoutError::Timeout) => {
                if std::mem::take(&mut is_dirty) {
                    keep(file.flush());
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                keep(file.flush().and_then(|()| file.get_ref().sync_data()));
                return;
            }
        }
    }
}
