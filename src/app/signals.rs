//! What the outside asks of a running process.

use tokio::runtime::{Builder, Runtime};
#[cfg(unix)]
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// To load content anew: SIGHUP.
    Reload,
    /// To end: Ctrl-C.
    Interrupt,
    /// To end: SIGTERM.
    Terminate,
}

/// Listens from the beginning, so that nothing that comes in between is lost.
pub(super) struct Signals {
    runtime: Runtime,
    #[cfg(unix)]
    streams: [Stream; 3],
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system refuses.
    #[cfg(unix)]
    pub(super) fn listen() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let streams = {
            let _entered = runtime.enter();
            [
                signal(SignalKind::hangup())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            ]
        };
        Ok(Self { runtime, streams })
    }

    /// Begins to listen; only Unix has a signal that asks to reload.
    ///
    /// # Errors
    /// When the system refuses.
    #[cfg(not(unix))]
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { runtime: Builder::new_current_thread().enable_all().build()? })
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(super) fn next(&mut self) -> Signal {
        let Self { runtime, streams: [hangup, interrupt, terminate] } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = hangup.recv() => Signal::Reload,
                _ = interrupt.recv() => Signal::Interrupt,
                _ = terminate.recv() => Signal::Terminate,
            }
        })
    }

    /// Waits for the next one, no longer than `wait`.
    pub(super) fn next_within(&mut self, wait: std::time::Duration) -> Option<Signal> {
        let Self { runtime, .. } = self;
        let timed = async {
            #[cfg(unix)]
            {
                let [hangup, interrupt, terminate] = &mut self.streams;
                let next = async {
                    tokio::select! {
                        _ = hangup.recv() => Signal::Reload,
                        _ = interrupt.recv() => Signal::Interrupt,
                        _ = terminate.recv() => Signal::Terminate,
                    }
                };
                tokio::time::timeout(wait, next).await.ok()
            }
            #[cfg(not(unix))]
            {
                let ended = tokio::time::timeout(wait, tokio::signal::ctrl_c()).await;
                matches!(ended, Ok(Ok(()))).then_some(Signal::Interrupt)
            }
        };
        runtime.block_on(timed)
    }

    /// Waits for the end.
    #[cfg(not(unix))]
    pub(super) fn next(&mut self) -> Signal {
        // Who can't listen for Ctrl-C is ended by it at once.
        if self.runtime.block_on(tokio::signal::ctrl_c()).is_err() {
            self.runtime.block_on(std::future::pending::<()>());
        }
        Signal::Interrupt
    }
}
