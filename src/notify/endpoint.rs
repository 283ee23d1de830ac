//! Where a destination listens: a URL enters, and leaves checked.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use super::address::is_public;
use super::secret::Secret;

/// What is allowed of an endpoint beyond the safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// HTTP without TLS.
    pub http: bool,
    /// Addresses that are not of the public Internet.
    pub private: bool,
}

/// A checked URL. All of it may be secret (Slack's is): it shows its scheme and host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    /// All of it, and what stands behind the host: what a destination may send back.
    secrets: [Secret; 2],
}

impl Endpoint {
    /// Checks a URL.
    ///
    /// # Errors
    /// What is wrong with it, and what to write, without the URL.
    pub fn new(text: &str, allow: Allow) -> Result<Self, String> {
        let url = Url::parse(text.trim())
            .map_err(|error| format!("not a URL ({error}); write `https://host/path`"))?;
        match url.scheme() {
            "https" => {}
            "http" if allow.http => {}
            "http" => {
                return Err("`http` carries alerts and keys in the clear; write `https`, or set \
                            `allow_http: true`"
                    .to_owned());
            }
            _ => return Err("not an `https` URL; write `https://host/path`".to_owned()),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a user or password in a URL; secrets come from files or the \
                        environment: write `token_file` or `token_env`"
                .to_owned());
        }
        if url.query().is_some_and(|query| query.contains('#')) || url.fragment().is_some() {
            return Err("a fragment (`#`), which is never sent; take it out".to_owned());
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("a URL without a host; write `https://host/path`".to_owned());
        }
        // A literal address is never resolved, so nothing else would look at it.
        if let Some(address) = literal(&url)
            && !allow.private
            && !is_public(address)
        {
            return Err(format!(
                "`{address}` is not an address of the public Internet; correct it, or set \
                 `allow_private: true`"
            ));
        }
        let path = if url.path().len() > 1 { url.path() } else { "" };
        let secrets = [Secret::new(url.as_str()), Secret::new(path)];
        Ok(Self { url, secrets })
    }

    /// The URL of a request with this path behind the endpoint's own.
    #[must_use]
    pub fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        if !path.is_empty() {
            let own = self.url.path().trim_end_matches('/');
            url.set_path(&format!("{own}{path}"));
        }
        url
    }

    /// What is to be struck out of texts.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.iter()
    }
}

/// The address, where the host is one. `Url` writes every form of one (`0x7f.1`, `2130706433`) as
/// four numbers.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.url.scheme())?;
        self.url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self}/..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: Allow = Allow { http: false, private: false };
    const HTTP: Allow = Allow { http: true, private: false };
    const ALL: Allow = Allow { http: true, private: true };

    #[test]
    fn only_safe_urls_are_taken_unless_more_is_allowed() {
        for (text, allow, refused) in [
            ("https://hooks.example.com/services/T/B/x", SAFE, None),
            ("https://8.8.8.8/x", SAFE, None),
            ("https://[2001:4860:4860::8888]:8443/x", SAFE, None),
            ("http://example.com/", SAFE, Some("allow_http")),
            ("http://example.com/", HTTP, None),
            ("http://127.0.0.1:9093", HTTP, Some("allow_private")),
            ("http://127.0.0.1:9093", ALL, None),
            ("https://169.254.169.254/latest", SAFE, Some("allow_private")),
            ("https://0x7f.1/", SAFE, Some("`127.0.0.1`")),
            ("https://2130706433/", SAFE, Some("`127.0.0.1`")),
            ("https://[::1]/", SAFE, Some("allow_private")),
            ("https://[::ffff:10.0.0.1]/", SAFE, Some("allow_private")),
            ("https://user:canary@example.com/", SAFE, Some("token_file")),
            ("https://example.com/#x", SAFE, Some("fragment")),
            ("ftp://example.com/", ALL, Some("https")),
            ("file:///etc/passwd", ALL, Some("https")),
            ("example.com", SAFE, Some("not a URL")),
            ("", SAFE, Some("not a URL")),
        ] {
            match (Endpoint::new(text, allow), refused) {
                (Ok(_), None) => {}
                (Err(told), Some(part)) => {
                    assert!(told.contains(part) && !told.contains("canary"), "{text}: {told}");
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_path_goes_behind_the_endpoints_own() {
        for (text, path, url) in [
            ("https://a.example", "/api/v2/alerts", "https://a.example/api/v2/alerts"),
            ("https://a.example/am/", "/api/v2/alerts", "https://a.example/am/api/v2/alerts"),
            ("https://a.example/hook?x=1", "", "https://a.example/hook?x=1"),
        ] {
            let endpoint = Endpoint::new(text, SAFE).expect(text);
            assert_eq!(endpoint.at(path).as_str(), url);
        }
    }

    #[test]
    fn an_endpoint_shows_its_host_alone() {
        let endpoint = Endpoint::new("https://h.example:8443/services/canary", SAFE).expect("URL");
        assert_eq!(endpoint.to_string(), "https://h.example:8443");
        assert_eq!(format!("{endpoint:?}"), "Endpoint(https://h.example:8443/..)");
    }
}
