//! Waiting: for a deadline, and for the library's few futures.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// When a call's time is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub(super) fn after(wait: Duration) -> Self {
        // An hour is for ever, and cannot overflow.
        Self(instant() + wait.min(Duration::from_secs(3_600)))
    }

    /// What is left of it.
    pub(super) fn left(self) -> Duration {
        self.0.saturating_duration_since(instant())
    }
}

#[expect(clippy::disallowed_methods, reason = "bounds a wait for the broker and decides nothing")]
fn instant() -> Instant {
    Instant::now()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Parks this thread until a future is done. Admin requests are the library's only ones; each
/// bounds its own time.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}
