//! Who is told: the worker that notifies, and `send-test`.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::bail;

use crate::cli;
use crate::config::Config;
use crate::config::notify::Target;
use crate::log::Log;
use crate::notify::{
    Answer, Endpoint, Http, Message, Notice, Secret, Settings, Ticket, Transport as _, Verdict,
    told,
};
use crate::worker::{Clock as _, Observer, Topics};

use super::clock::Wall;
use super::output::results;
use super::service::Tools;
use super::{Ended, Refused};

/// Offsets wait no longer to be committed together: so much is repeated after a crash.
const COMMIT: Duration = Duration::from_secs(1);
/// Records of one turn.
const RECORDS: usize = 500;

/// Starts the worker that notifies, which goes by `name` where the group is to know it.
pub(super) fn start<L: Log>(
    log: &L,
    config: &Config,
    (name, tools): (&str, &Tools),
    (silence, patience): (Duration, Duration),
    observer: Arc<dyn Observer>,
) -> anyhow::Result<JoinHandle<()>> {
    let (service, notify) = (&config.service, &config.notify);
    let workers = &service.workers;
    let topics = Topics::behind(&service.topic_prefix);
    let settings = Settings {
        alerts: topics.alerts,
        deadletters: topics.deadletters,
        group: format!("{}notify", service.group_prefix),
        name: workers.fixed.then(|| format!("{name}.notify")),
        protocol: workers.protocol,
        session: workers.session,
        silence,
        batch_records: workers.batch_records.min(RECORDS),
        batch_bytes: workers.batch_bytes,
        patience,
        commit_every: COMMIT,
        letters: service.letters,
        mutant: None,
    };
    let reaches: Vec<_> = notify.destinations.iter().map(|target| target.reach.clone()).collect();
    let http = Http::new(&reaches)?;
    let lanes = notify.destinations.iter().map(Target::lane).collect();
    let title = format!("{}notify.{name}", service.group_prefix);
    tools.notify(log.clone(), settings, (lanes, notify.routes.clone()), http, (&title, observer))
}

/// Sends one marked message to a destination, and tells what it answers.
///
/// # Errors
/// Where there is no such destination, or nothing can be sent at all.
pub(super) fn send_test(options: &cli::SendTest, config: &Config) -> anyhow::Result<Ended> {
    let name = &options.destination;
    let all = &config.notify.destinations;
    let Some(target) = all.iter().find(|target| *target.name == **name) else {
        let known: Vec<&str> = all.iter().map(|target| &*target.name).collect();
        let known = match known.as_slice() {
            [] => "there is none: write `notify.destinations`".to_owned(),
            known => format!("there are `{}`", known.join("`, `")),
        };
        bail!(Refused(format!("`{name}` is no destination; {known}")));
    };
    let now = Wall.now();
    let destination = target.sort.destination();
    let message = Message::One(Arc::new(Notice::test(now)));
    let request = destination
        .request(&message, None, now)
        .map_err(|unfit| anyhow::anyhow!("the message can't be told: {}", unfit.0))?;
    let mut http = Http::new(std::slice::from_ref(&target.reach))?;
    for (number, endpoint) in (0_u64..).zip(&target.endpoints) {
        http.send(Ticket(number), 0, endpoint, request.clone());
    }
    let mut answers: Vec<(Ticket, Answer)> = Vec::new();
    // Every request ends by its own time.
    while answers.len() < target.endpoints.len() {
        http.wait(Duration::from_secs(1), &mut answers);
    }
    answers.sort_by_key(|(ticket, _)| *ticket);
    let mut secrets: Vec<&Secret> = destination.secrets();
    secrets.extend(target.endpoints.iter().flat_map(Endpoint::secrets));
    let mut out = results(Path::new("-"))?;
    let mut taken = false;
    for (endpoint, (_, answer)) in target.endpoints.iter().zip(&answers) {
        let verdict = match answer {
            Ok(reply) => destination.judge(reply, now),
            Err(_) => Verdict::Retry(None),
        };
        taken |= verdict == Verdict::Delivered;
        let word = match verdict {
            Verdict::Delivered => "taken",
            Verdict::Retry(_) => "not taken, an alert would be tried again",
            Verdict::Refused | Verdict::Ended => "refused",
        };
        writeln!(out, "{name} at {endpoint}: {word}: {}", told(answer, &secrets))?;
    }
    out.flush()?;
    Ok(if taken { Ended::Well } else { Ended::Failed })
}
