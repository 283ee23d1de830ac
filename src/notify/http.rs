//! Requests over HTTP: a request for an endpoint enters, and leaves as its answer.
//!
//! One runtime, in the thread of whoever owns it, which runs while that waits. **Invariant:** a
//! connection goes to an address that was judged, without TLS only where that is allowed, through
//! no proxy but the one named; nothing is redirected or repeated here; every request ends in
//! bounded time with a bounded answer, and no error names a URL.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::address::is_public;
use super::{Allow, Answer, Endpoint, Failure, Reply, Request, Ticket, Transport};

/// How one destination may be reached.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// What is allowed beyond the safe.
    pub allow: Allow,
    /// Certificates in PEM that are trusted in the place of the system's.
    pub roots: Option<Vec<u8>>,
    /// A proxy for every request. It resolves names itself, so that it decides what is reached.
    pub proxy: Option<Endpoint>,
    /// From the start of a request to the end of its answer.
    pub timeout: Option<Duration>,
}

/// A request's time, where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Until a connection is there.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection without a request is kept for so long.
const IDLE: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read; what comes behind is not.
const BODY: usize = 64 << 10;

/// Why requests can't be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The certificates to be trusted can't be read.
    #[error("`ca_file` holds no certificate in PEM")]
    Roots,
    /// TLS can't be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// A client can't be set up.
    #[error("a client cannot be set up")]
    Client(#[source] reqwest::Error),
    /// The system gives no runtime.
    #[error("no runtime could be started")]
    Start(#[from] io::Error),
}

/// Sends requests.
pub struct Http {
    /// Taken when it is dropped.
    runtime: Option<Runtime>,
    /// One for each lane.
    clients: Vec<Client>,
    done: UnboundedSender<(Ticket, Answer)>,
    answers: UnboundedReceiver<(Ticket, Answer)>,
}

impl Http {
    /// For lanes that may be reached so, in their order.
    ///
    /// # Errors
    /// Where certificates can't be read, or the system gives no runtime.
    pub fn new(lanes: &[Reach]) -> Result<Self, HttpError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let clients = lanes.iter().map(client).collect::<Result<_, _>>()?;
        let (done, answers) = unbounded_channel();
        Ok(Self { runtime: Some(runtime), clients, done, answers })
    }
}

impl Drop for Http {
    /// Waits for no request, nor for a name that is being resolved.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Transport for Http {
    fn send(&mut self, ticket: Ticket, lane: usize, endpoint: &Endpoint, request: Request) {
        let owed = Owed { ticket, answer: Err(Failure::Broken), done: self.done.clone() };
        let (Some(runtime), Some(client)) = (&self.runtime, self.clients.get(lane)) else {
            return;
        };
        let mut post = client.post(endpoint.at(request.path));
        for (name, value) in &request.headers {
            post = post.header(*name, value);
        }
        let post = post.body(request.body);
        runtime.spawn(async move {
            let mut owed = owed;
            owed.answer = answer(post).await;
        });
    }

    fn wait(&mut self, wait: Duration, answers: &mut Vec<(Ticket, Answer)>) {
        let Self { runtime: Some(runtime), answers: done, .. } = self else { return };
        let next = runtime.block_on(async { tokio::time::timeout(wait, done.recv()).await });
        if let Ok(Some(first)) = next {
            answers.push(first);
        }
        while let Ok(more) = done.try_recv() {
            answers.push(more);
        }
    }
}

/// An answer that is owed: it is given when this is dropped, whatever happened to its task.
struct Owed {
    ticket: Ticket,
    answer: Answer,
    done: UnboundedSender<(Ticket, Answer)>,
}

impl Drop for Owed {
    fn drop(&mut self) {
        let answer = std::mem::replace(&mut self.answer, Err(Failure::Broken));
        // Nobody listens any more where all of it ends.
        let _ = self.done.send((self.ticket, answer));
    }
}

async fn answer(post: reqwest::RequestBuilder) -> Answer {
    let mut response = post.send().await.map_err(|error| failure(&error))?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let mut body = Vec::new();
    // The status says what became of the message; a body that breaks off changes nothing of it.
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    Ok(Reply { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Why there is no answer. The error itself names the URL and is dropped here.
fn failure(error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(unfit) = error.downcast_ref::<Unfound>() {
            return match unfit {
                Unfound::Nothing => Failure::Unresolved,
                Unfound::Forbidden => Failure::Forbidden,
            };
        }
        if error.is::<rustls::Error>() {
            return Failure::Untrusted;
        }
        // An I/O error hides what it was made of from `source`.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    if error.is_timeout() {
        Failure::TimedOut
    } else if error.is_connect() {
        Failure::Unreachable
    } else {
        Failure::Broken
    }
}

fn client(reach: &Reach) -> Result<Client, HttpError> {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls(reach)?)
        .https_only(!reach.allow.http)
        .http1_only()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .timeout(reach.timeout.unwrap_or(TIMEOUT))
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(2)
        .user_agent(concat!("driftline/", env!("CARGO_PKG_VERSION")));
    let builder = match &reach.proxy {
        None => {
            let judge = Judge { private: reach.allow.private };
            builder.no_proxy().dns_resolver(Arc::new(judge))
        }
        Some(proxy) => {
            let proxy = Proxy::all(proxy.at("")).map_err(|e| HttpError::Client(e.without_url()))?;
            builder.proxy(proxy)
        }
    };
    builder.build().map_err(|error| HttpError::Client(error.without_url()))
}

/// TLS 1.2 and 1.3 by the `ring` provider.
fn tls(reach: &Reach) -> Result<ClientConfig, HttpError> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &reach.roots {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| HttpError::Roots)?;
            roots.add(certificate).map_err(|_| HttpError::Roots)?;
        }
        if roots.is_empty() {
            return Err(HttpError::Roots);
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        let (_, unread) = roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            tracing::warn!(
                unread,
                "the system has no certificates to trust: no destination with TLS can be reached; \
                 install them, or set `ca_file`"
            );
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Resolves names to addresses that may be reached.
struct Judge {
    private: bool,
}

/// Why a name leads nowhere.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Unfound {
    #[error("the name has no address")]
    Nothing,
    #[error("the name leads to addresses that must not be reached")]
    Forbidden,
}

impl Resolve for Judge {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<_> = found.map_err(|_| Unfound::Nothing)?.collect();
            if found.is_empty() {
                return Err(Unfound::Nothing.into());
            }
            let allowed: Vec<_> =
                found.into_iter().filter(|at| private || is_public(at.ip())).collect();
            if allowed.is_empty() {
                return Err(Unfound::Forbidden.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
