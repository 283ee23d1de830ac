//! The admin listener: health, metrics, and findings as they stand.
//!
//! What enters are requests; what leaves is what workers told ([`health`]), what was recorded, and
//! what was read from the log ([`view`]). It knows no user and no password, and so listens on the
//! loopback address unless told otherwise.
//!
//! **Invariant:** however many ask, however slowly, however much: time, connections and bytes have
//! their maximum, and no worker waits for any of it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

mod answer;
pub mod health;
mod query;
pub mod view;

pub use answer::{Answer, Asked, Reload, Sources};

/// Bounds of the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at once. Further ones wait in the system's queue until one ends.
    pub connections: usize,
    /// Bytes of a request's head; a larger one is refused with 431.
    pub head_bytes: usize,
    /// Header lines of a request; more are refused with 431.
    pub headers: usize,
    /// Until a request's head is there, also on a connection that stays open.
    pub head_time: Duration,
    /// Of a connection in all, after which it is closed between two answers.
    pub connection_time: Duration,
    /// For an answer that is under way when its connection, or the listener, is to end.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 64,
            head_bytes: 8 * 1_024,
            headers: 64,
            head_time: Duration::from_secs(10),
            connection_time: Duration::from_secs(60),
            grace: Duration::from_secs(5),
        }
    }
}

/// Why the listener did not start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Another program listens there.
    #[error("`{0}` is in use by another program: end it, or set `web.listen` to another address")]
    InUse(SocketAddr),
    /// The system refuses that address.
    #[error("`{listen}` cannot be listened on; set `web.listen` to another address")]
    Refused {
        /// Where it was to be.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("the listener could not be started")]
    Start(#[from] io::Error),
}

/// A listener on a thread of its own, until it is dropped.
pub struct Web {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Web {
    /// Listens at once; port 0 is any that is free.
    ///
    /// # Errors
    /// [`WebError::InUse`] and [`WebError::Refused`] before anything was started.
    pub fn start(listen: SocketAddr, sources: Sources, bounds: Bounds) -> Result<Self, WebError> {
        let listener = bind(listen)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let run = move || runtime.block_on(serve(listener, Arc::new(sources), bounds, stopped));
        let thread = thread::Builder::new().name("web".to_owned()).spawn(move || {
            if let Err(error) = run() {
                tracing::error!(%error, "the admin listener ended");
            }
        })?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Web {
    /// Listens no more, and waits for answers under way, no longer than [`Bounds::grace`].
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            // A panic in it was told by the panic itself.
            let _ = thread.join();
        }
    }
}

fn bind(listen: SocketAddr) -> Result<TcpListener, WebError> {
    let listener = TcpListener::bind(listen).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => WebError::InUse(listen),
        _ => WebError::Refused { listen, source },
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// How long to wait where the system is out of connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

async fn serve(
    listener: TcpListener,
    sources: Arc<Sources>,
    bounds: Bounds,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let loopback = listener.local_addr()?.ip().is_loopback();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut open = JoinSet::new();
    loop {
        let room = open.len() < bounds.connections;
        tokio::select! {
            _ = stopped.changed() => break,
            Some(_) = open.join_next() => {}
            accepted = listener.accept(), if room => match accepted {
                Ok((stream, from)) => {
                    let sources = Arc::clone(&sources);
                    let reach = Reach { loopback, near: from.ip().to_canonical().is_loopback() };
                    open.spawn(connection(stream, sources, bounds, stopped.clone(), reach));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    // What is not through by then is dropped with the set.
    let _ = timeout(bounds.grace, async { while open.join_next().await.is_some() {} }).await;
    Ok(())
}

async fn connection(
    stream: TcpStream,
    sources: Arc<Sources>,
    bounds: Bounds,
    mut stopped: watch::Receiver<bool>,
    reach: Reach,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let sources = Arc::clone(&sources);
        async move {
            let reads = request.method() == Method::GET || request.method() == Method::HEAD;
            let ask = move || answer::answer(&sources, &asked(&request, reach));
            // What does more than read may take its time.
            let answer = if reads { ask() } else { spawn_blocking(ask).await? };
            Ok::<_, JoinError>(response(answer))
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_time)
        .max_buf_size(bounds.head_bytes)
        .max_headers(bounds.headers)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    tokio::select! {
        // How a client broke off is no business of ours.
        _ = served.as_mut() => return,
        _ = stopped.changed() => {}
        () = sleep(bounds.connection_time) => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = timeout(bounds.grace, served).await;
}

/// From where it can be asked, and from where it is.
#[derive(Clone, Copy)]
struct Reach {
    loopback: bool,
    near: bool,
}

fn asked(request: &Request<Incoming>, Reach { loopback, near }: Reach) -> Asked<'_> {
    let host = request.headers().get(header::HOST);
    Asked {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        // What is not text names no host of ours.
        host: host.map(|host| host.to_str().unwrap_or("?")),
        loopback,
        near,
        // A browser says so of whatever is not a plain look-up.
        page: request.headers().contains_key(header::ORIGIN),
    }
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let fixed: [(HeaderName, &'static str); 3] = [
        (header::CONTENT_TYPE, answer.content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = answer.status;
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Some(allow) = answer.allow {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    response
}

#[cfg(test)]
mod tests;
