//! Destinations and routes as they are written, and every way to write them wrongly.

use super::super::yaml;
use super::*;
use crate::model::{Severity, Step};
use crate::notify::Glob;

const KEY: &str = "canary0123456789canary0123456789";
const SIGNING: &str = "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5";

/// Checks a block beside some files.
fn checked(text: &str) -> Result<Notify, Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("key", format!("{KEY}\n")),
        ("secrets", format!("{SIGNING}\n{SIGNING}\n")),
        ("slack", "https://hooks.slack.com/services/T/B/canary\n".to_owned()),
        ("empty", "\n".to_owned()),
        ("bad", "canary bad\n".to_owned()),
    ] {
        std::fs::write(folder.path().join(name), text).expect("it is written");
    }
    let raw: RawNotify = yaml::parse(text).map_err(|error| vec![error.to_string()])?;
    let mut faults = Vec::new();
    let notify = check(&raw, &|name| folder.path().join(name), &mut faults);
    let shown = folder.path().display().to_string() + "/";
    let faults: Vec<String> = faults.into_iter().map(|fault| fault.replace(&shown, "")).collect();
    if faults.is_empty() { Ok(notify) } else { Err(faults) }
}

const ALL: &str = "
destinations:
  am: {type: alertmanager, urls: ['http://127.0.0.1:9093', 'http://127.0.0.1:9094'],
       allow_http: true, allow_private: true, resend: 30s}
  pager: {type: pagerduty, key_file: key, rate: 120/m, burst: 5, give_up_after: 1h}
  hook: {type: webhook, url: 'https://example.com/hook', secret_file: secrets, queue: 7}
  chat: {type: slack, url_file: slack, window: 5m}
routes:
  - {match: {severity: high, tenant: [acme, 'b*']}, to: [pager], continue: true}
  - {match: {step: [opened, resolved], tag: {team: 'shop*', env: '*'}, detector: 'FW-*',
             area: identity, provider: [aws, huawei]}, to: [am, hook]}
  - {to: [chat]}
";

#[test]
fn everything_that_can_be_written_is_read() {
    let notify = checked(ALL).expect("it holds");
    let names: Vec<&str> = notify.destinations.iter().map(|target| &*target.name).collect();
    assert_eq!(names, ["am", "chat", "hook", "pager"]);
    let [am, chat, hook, pager] = &notify.destinations[..] else { panic!("four") };
    assert_eq!(am.endpoints.len(), 2);
    assert_eq!(am.sort.destination().resend(), Some(Duration::from_secs(30)));
    assert_eq!((chat.rate, chat.bounds.window), (Rate::per_second(1), Duration::from_secs(300)));
    assert_eq!((hook.bounds.queue, hook.sort.destination().secrets().len()), (7, 2));
    assert_eq!(pager.rate, Rate { count: 120, per: Duration::from_secs(60) });
    assert_eq!(pager.bounds.burst, 5);
    assert_eq!(pager.bounds.give_up_after, Duration::from_secs(3_600));
    assert_eq!(pager.endpoints[0].to_string(), "https://events.pagerduty.com");
    let routes = &notify.routes.0;
    assert_eq!((routes[0].to.as_slice(), routes[0].goes_on), ([3].as_slice(), true));
    assert_eq!(routes[0].matcher.severity, Some(Severity::High));
    assert_eq!(routes[0].matcher.tenants, [Glob::new("acme"), Glob::new("b*")]);
    assert_eq!(routes[1].to, [0, 2]);
    assert_eq!(routes[1].matcher.steps, [Step::Opened, Step::Resolved]);
    assert_eq!(routes[1].matcher.tags.len(), 2);
    assert!(routes[1].matcher.tags.iter().any(|tag| tag.key == "env" && tag.value.is_none()));
    assert_eq!(routes[2].to, [1]);
}

#[test]
fn without_routes_everything_goes_everywhere() {
    let text =
        "destinations: {a: {type: slack, url_file: slack}, b: {type: slack, url_file: slack}}";
    let notify = checked(text).expect("it holds");
    assert_eq!(notify.routes.0.len(), 1);
    assert_eq!(notify.routes.0[0].to, [0, 1]);
    assert!(checked("{}").expect("it holds").destinations.is_empty());
}

#[test]
fn no_secret_is_in_what_is_shown() {
    let shown = format!("{:?}", checked(ALL).expect("it holds"));
    assert!(shown.contains("hooks.slack.com"), "{shown}");
    assert!(!shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{shown}");
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_to_write() {
    for (text, place, part) in [
        ("{a: {}}", "a.type", "missing; write `alertmanager`"),
        ("{a: {type: teams}}", "a.type", "`teams` is no sort; write"),
        ("{A b: {type: slack, url_file: slack}}", "A b", "not a name"),
        ("{a: {type: slack}}", "a.url", "write `url_file` or `url_env`"),
        ("{a: {type: slack, url: 'https://hooks.slack.com/canary'}}", "a.url", "is its secret"),
        ("{a: {type: slack, url_file: none}}", "a.url_file", "`none` cannot be read"),
        ("{a: {type: slack, url_file: empty}}", "a.url", "is empty"),
        ("{a: {type: slack, url_file: bad}}", "a.url", "not a URL"),
        ("{a: {type: slack, url_env: NO_SUCH_VARIABLE_1}}", "a.url_env", "has no `NO_SUCH"),
        ("{a: {type: slack, url_file: slack, rate: fast}}", "a.rate", "such as `1/s`"),
        ("{a: {type: slack, url_file: slack, window: soon}}", "a.window", "not a span"),
        ("{a: {type: slack, url_file: slack, queue: 0}}", "a.queue", "at least 1"),
        ("{a: {type: slack, url_file: slack, ca_file: key}}", "a.ca_file", "no certificate"),
        (
            "{a: {type: slack, url_file: slack, key_file: key}}",
            "a.key_file",
            "only `pagerduty` has",
        ),
        ("{a: {type: slack, url_file: slack, proxy: 'socks5://h'}}", "a.proxy", "`https` URL"),
        ("{a: {type: pagerduty}}", "a.key", "write `key_file` or `key_env`"),
        ("{a: {type: pagerduty, key_file: bad}}", "a.key", "32 letters and digits"),
        ("{a: {type: pagerduty, key_file: key, key_env: K}}", "a.key", "write one of `key_file`"),
        ("{a: {type: pagerduty, key_file: key, resend: 1m}}", "a.resend", "only `alertmanager`"),
        ("{a: {type: webhook, secret_file: secrets}}", "a.url", "missing"),
        ("{a: {type: webhook, url: 'https://e.com'}}", "a.secret", "`secret_file` or `secret_env`"),
        ("{a: {type: webhook, url: 'https://e.com', secret_file: bad}}", "a.secret", "`whsec_`"),
        (
            "{a: {type: webhook, url: 'https://e.com', secret_file: secrets, token_file: bad}}",
            "a.token",
            "one word",
        ),
        ("{a: {type: webhook, url: 'http://e.com', secret_file: secrets}}", "a.url", "allow_http"),
        ("{a: {type: alertmanager}}", "a.url", "`urls` with every peer"),
        ("{a: {type: alertmanager, url: 'https://10.0.0.1'}}", "a.url", "`allow_private: true`"),
        (
            "{a: {type: alertmanager, url: 'https://a', urls: ['https://b']}}",
            "a.url",
            "write one of",
        ),
        ("{a: {type: alertmanager, url: 'https://a', burst: 3}}", "a.burst", "has no such key"),
    ] {
        let faults = checked(&format!("destinations: {text}")).expect_err(text);
        let due = format!("notify.destinations.{place}");
        assert!(
            faults.iter().any(|f| f.starts_with(&due) && f.contains(part)),
            "{text}: {faults:?}"
        );
        assert!(!faults.iter().any(|fault| fault.contains("canary")), "{faults:?}");
    }
}

#[test]
fn wrong_routes_are_told_with_their_place_and_what_to_write() {
    for (text, part) in [
        ("[{to: [b]}]", "notify.routes[0].to: `b` is no destination; there are `a`"),
        ("[{match: {severity: high}, to: [a]}]", "notify.routes: the last route must take"),
        ("[{to: [a], continue: true}]", "notify.routes: the last route must take"),
        ("[{to: [a]}, {to: []}]", "notify.routes[0]: it takes everything"),
        (
            "[{match: {severity: dire}, to: [a]}, {to: []}]",
            "notify.routes[0].match.severity: `dire` is no severity; there are `informational`",
        ),
        ("[{match: {step: open}, to: [a]}, {to: []}]", "match.step: `open` is none of `opened`"),
        ("[{match: {area: [x]}, to: [a]}, {to: []}]", "match.area: `x` is none of `virtual"),
        ("[{match: {provider: ibm}, to: [a]}, {to: []}]", "match.provider: `ibm` is none of"),
    ] {
        let block =
            format!("destinations: {{a: {{type: slack, url_file: slack}}}}\nroutes: {text}");
        let faults = checked(&block).expect_err(text);
        assert!(faults.iter().any(|fault| fault.contains(part)), "{text}: {faults:?}");
    }
}

#[test]
fn an_unknown_key_is_refused_by_its_name() {
    for text in ["destinations: {a: {tpye: slack}}", "routes: [{match: {tenants: a}}]", "dest: {}"]
    {
        assert!(checked(text).is_err(), "{text}");
    }
}
