//! A connection, as those know it who answer on it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::live::world::World;

/// What is known of a connection by those who answer on it.
///
/// Requests reach the world through their connection: were each of them counted as a user of the world itself, all
/// cores would write to one counter.
#[derive(Debug)]
pub(super) struct Line {
    /// The world in which it is.
    pub(super) world: Arc<World>,
    /// The mock that it leads to.
    pub(super) mock: usize,
    /// Whether it is to be reset, rather than closed.
    pub(super) reset: AtomicBool,
    /// How many requests have begun on it.
    pub(super) begun: AtomicU64,
    /// How many are being answered.
    pub(super) open: AtomicU64,
    /// Told when it has to go: nothing happens on it, or the servers end.
    pub(super) goes: Notify,
}

impl Line {
    /// Returns a connection to a mock on which nothing has begun.
    pub(super) fn new(world: Arc<World>, mock: usize) -> Self {
        Self {
            world,
            mock,
            reset: AtomicBool::new(false),
            begun: AtomicU64::new(0),
            open: AtomicU64::new(0),
            goes: Notify::new(),
        }
    }

    /// Counts a request that begins.
    pub(super) fn begins(&self) {
        add(&self.begun, 1);
    }
}

/// Adds to a count of a connection. Only one task at a time does, so that nobody else's addition can be lost: the
/// connection's own, or the one that answers aside while it waits. Where a client goes away meanwhile nobody counts.
fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// A request that is being answered, until its last byte has left. It is held by reference where the connection is
/// there anyway, and by count in a body, which may not refer to anything.
#[derive(Debug)]
pub(super) struct Open<L: Deref<Target = Line>>(L);

impl<L: Deref<Target = Line>> Open<L> {
    /// Begins to answer.
    pub(super) fn new(line: L) -> Self {
        add(&line.open, 1);
        Self(line)
    }

    /// Returns the connection.
    pub(super) fn line(&self) -> &Line {
        &self.0
    }
}

impl<L: Deref<Target = Line>> Drop for Open<L> {
    fn drop(&mut self) {
        add(&self.0.open, 1_u64.wrapping_neg());
    }
}
