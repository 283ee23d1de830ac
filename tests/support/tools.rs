//! Programs of others that tests run: skipped loudly where one is missing, a failure where CI is set.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program by its name; `None` where it is missing, and nothing demands it.
pub fn tool(name: &str, package: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|p| p.is_file());
    if found.is_none() {
        let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        assert!(!ci, "`{name}` is missing; `apt-get install {package}`");
        // Not by a macro, whose output the test runner keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: what needs `{name}`, as it is missing; scripts/test installs `{package}`"
        );
    }
    found
}

/// A program that runs, until it is dropped.
pub struct Running(pub Child);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(quiet.spawn().expect("it starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
pub fn port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("a port").port()
}

/// A whole answer of this machine; `None` where nobody answers.
pub fn answer(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let head = "Host: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("GET {path} HTTP/1.0\r\n{head}").as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// The body of a page of this machine; `None` where nobody answers with 200.
pub fn page(port: u16, path: &str) -> Option<String> {
    let text = answer(port, path)?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let line = head.lines().next()?;
    line.contains(" 200 ").then(|| body.to_owned())
}

/// Asks until there is an answer, no longer than a minute.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "programs of others go by the wall clock")]
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = ask() {
            return found;
        }
        #[expect(clippy::disallowed_methods, reason = "programs of others go by the wall clock")]
        let now = Instant::now();
        assert!(now < end, "a minute is over, and this is not so: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
