//! A receiver on this machine that answers as it is told, and remembers what came.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How one request is answered.
#[derive(Clone, Debug)]
pub enum Manner {
    /// With a status and headers.
    Status(u16, Vec<(&'static str, String)>),
    /// With a body.
    Body(u16, String),
    /// Never.
    Never,
    /// With 200 and a body without an end.
    Endless,
    /// The connection is closed.
    Close,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Came {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Came {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

#[derive(Default)]
struct Shared {
    /// Answers to the next requests; 200 where there is none.
    manners: Mutex<VecDeque<Manner>>,
    /// The answer where none of those is left.
    always: Mutex<Option<Manner>>,
    came: Mutex<Vec<Came>>,
    took: Mutex<Vec<Came>>,
}

/// A receiver, until it is dropped.
pub struct Receiver {
    address: SocketAddr,
    /// In PEM, where it speaks TLS.
    pub certificate: Option<String>,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Without TLS.
    pub fn plain() -> Self {
        Self::start(None)
    }

    /// With TLS under a certificate for `localhost` that it made itself.
    pub fn tls() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a key");
        let mut receiver = Self::start(Some(TlsAcceptor::from(Arc::new(config))));
        receiver.certificate = Some(cert.pem());
        receiver
    }

    fn start(tls: Option<TlsAcceptor>) -> Self {
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let own = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("it is waited for");
                tokio::select! {
                    () = serve(listener, tls, own) => {}
                    _ = stopped => {}
                }
            });
        });
        let address = told.recv().expect("it listens");
        let (stop, thread) = (Some(stop), Some(thread));
        Self { address, certificate: None, shared, stop, thread }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers the next request so; several come one after the other.
    pub fn next(&self, manner: Manner) {
        self.shared.manners.lock().expect("nobody panicked").push_back(manner);
    }

    /// Answers every request so for which no other answer is set; with 200 without one.
    pub fn always(&self, manner: Option<Manner>) {
        *self.shared.always.lock().expect("nobody panicked") = manner;
    }

    /// What came until now and was answered with 200.
    pub fn took(&self) -> Vec<Came> {
        self.shared.took.lock().expect("nobody panicked").clone()
    }

    /// What came until now.
    pub fn came(&self) -> Vec<Came> {
        self.shared.came.lock().expect("nobody panicked").clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
            let http = http1::Builder::new();
            // Who goes away early ends its connection with an error.
            let _ = match tls {
                None => http.serve_connection(TokioIo::new(stream), service).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
                    Err(_) => return,
                },
            };
        });
    }
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, std::io::Error> {
    let path = request.uri().to_string();
    let headers = request.headers().iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let came = Came { path, headers, body };
    shared.came.lock().expect("nobody panicked").push(came.clone());
    let next = shared.manners.lock().expect("nobody panicked").pop_front();
    let manner = next.or_else(|| shared.always.lock().expect("nobody panicked").clone());
    if manner.is_none() {
        shared.took.lock().expect("nobody panicked").push(came);
    }
    let full = |text: String| Full::new(Bytes::from(text)).boxed();
    let (status, headers, body) = match manner {
        None => (200, Vec::new(), full(String::new())),
        Some(Manner::Status(status, headers)) => (status, headers, full(String::new())),
        Some(Manner::Body(status, text)) => (status, Vec::new(), full(text)),
        Some(Manner::Never) => std::future::pending().await,
        Some(Manner::Close) => return Err(std::io::Error::other("closed")),
        Some(Manner::Endless) => {
            let chunk = Bytes::from(vec![b'x'; 16 << 10]);
            let frames = std::iter::repeat_with(move || Ok(Frame::data(chunk.clone())));
            (200, Vec::new(), StreamBody::new(Endless(frames)).boxed())
        }
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    Ok(response.body(body).expect("a response"))
}

/// A stream of all that an iterator gives.
struct Endless<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Endless<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}
