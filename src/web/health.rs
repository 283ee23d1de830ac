//! How the workers are: what each of them last told, and when.
//!
//! *Alive* is a process whose workers still turn, whether or not a broker answers: restarting it
//! would not bring the broker back. *Ready* is one whose roles all work.
//!
//! **Invariant:** only what workers tell is known here; their state is never read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::model::Timestamp;
use crate::worker::{Clock, Condition, Happening, Observer, Role};

/// A worker that tells nothing for so long is taken for stuck. Its longest turn waits for a
/// transaction's end, which takes its timeout (10 to 15 s by default) and, as brokers look for
/// timed-out ones every 10 s, as much again.
pub const SILENCE: Duration = Duration::from_secs(120);

/// The names of conditions, in metric labels and answers, by [`place_of`].
pub const CONDITIONS: [&str; 6] =
    ["joining", "restoring", "working", "stranded", "halted", "stopped"];

/// The place of a condition's name.
#[must_use]
pub const fn place_of(condition: Condition) -> usize {
    match condition {
        Condition::Joining => 0,
        Condition::Restoring(_) => 1,
        Condition::Working => 2,
        Condition::Stranded => 3,
        Condition::Halted(_) => 4,
        Condition::Stopped => 5,
    }
}

/// The health of a process: shared by its workers, which tell it, and its listener, which asks.
pub struct Health {
    clock: Arc<dyn Clock>,
    silence: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    workers: Vec<(Role, Arc<Mutex<Heard>>)>,
    ending: bool,
}

/// What a worker last told.
#[derive(Clone, Copy, Debug)]
struct Heard {
    condition: Condition,
    at: Timestamp,
}

/// How one worker is, as answers tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkerReport {
    /// Its role.
    pub role: &'static str,
    /// Its number among the workers of that role, from 0.
    pub worker: usize,
    /// A name of [`CONDITIONS`].
    pub condition: &'static str,
    /// Partitions that are being restored, or halted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<usize>,
    /// Whole seconds since it last told something.
    pub silent_seconds: i64,
}

/// The answer of `/healthz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Liveness {
    /// Whether every worker turns.
    pub alive: bool,
    /// Those that were silent for too long.
    pub silent: Vec<WorkerReport>,
}

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether every role works.
    pub ready: bool,
    /// Whether the process is about to end.
    pub ending: bool,
    /// What keeps a role from working.
    pub waiting: Vec<WorkerReport>,
    /// Workers with halted partitions: they work on, and need a person.
    pub halted: Vec<WorkerReport>,
}

impl Health {
    /// Of a process whose workers are to tell something every `silence`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, silence: Duration) -> Arc<Self> {
        Arc::new(Self { clock, silence, inner: Mutex::default() })
    }

    /// Listens to a further worker, which counts as joining until it tells otherwise, and passes
    /// on what it tells. To be called for every worker before the listener starts, as a role
    /// without a worker is not waited for.
    #[must_use]
    pub fn watch(self: &Arc<Self>, role: Role, next: Arc<dyn Observer>) -> Arc<dyn Observer> {
        let heard = Heard { condition: Condition::Joining, at: self.clock.now() };
        let heard = Arc::new(Mutex::new(heard));
        self.inner().workers.push((role, Arc::clone(&heard)));
        Arc::new(Watched { clock: Arc::clone(&self.clock), heard, next })
    }

    /// From now on this process is not ready: it is about to end.
    pub fn end(&self) {
        self.inner().ending = true;
    }

    /// Every worker, in the order in which they were watched.
    #[must_use]
    pub fn workers(&self) -> Vec<WorkerReport> {
        self.all().into_iter().map(|(_, report)| report).collect()
    }

    /// Whether every worker turns.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        let silence = i64::try_from(self.silence.as_secs()).unwrap_or(i64::MAX);
        let mut silent = self.workers();
        silent.retain(|report| report.silent_seconds > silence);
        Liveness { alive: silent.is_empty(), silent }
    }

    /// Whether every role works: at least one of its workers does, and none is restoring,
    /// without a broker, or ended. Of more workers than there are partitions some wait for ever,
    /// which is no fault.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let all = self.all();
        let works =
            |condition: Condition| matches!(condition, Condition::Working | Condition::Halted(_));
        let role_works = |role: &str| {
            all.iter().any(|(condition, report)| report.role == role && works(*condition))
        };
        let mut waiting = Vec::new();
        let mut halted = Vec::new();
        for (condition, report) in &all {
            match condition {
                Condition::Working => {}
                Condition::Halted(_) => halted.push(report.clone()),
                Condition::Joining if role_works(report.role) => {}
                _ => waiting.push(report.clone()),
            }
        }
        let ending = self.inner().ending;
        Readiness { ready: waiting.is_empty() && !ending, ending, waiting, halted }
    }

    fn all(&self) -> Vec<(Condition, WorkerReport)> {
        let now = self.clock.now();
        let inner = self.inner();
        let mut counts = [0; Role::ALL.len()];
        let mut all = Vec::with_capacity(inner.workers.len());
        for (role, heard) in &inner.workers {
            let Heard { condition, at } = *heard.lock().unwrap_or_else(PoisonError::into_inner);
            let worker = counts[*role as usize];
            counts[*role as usize] += 1;
            all.push((condition, report(*role, worker, condition, now.since(at))));
        }
        all
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report(role: Role, worker: usize, condition: Condition, silent: i64) -> WorkerReport {
    WorkerReport {
        role: role.as_str(),
        worker,
        condition: CONDITIONS[place_of(condition)],
        partitions: match condition {
            Condition::Restoring(count) | Condition::Halted(count) => Some(count),
            _ => None,
        },
        // A clock that was set back makes no worker talk from the future.
        silent_seconds: (silent / 1_000_000).max(0),
    }
}

/// Notes what a worker tells, and passes it on.
struct Watched {
    clock: Arc<dyn Clock>,
    heard: Arc<Mutex<Heard>>,
    next: Arc<dyn Observer>,
}

impl Observer for Watched {
    fn happened(&self, role: Role, what: &Happening<'_>) {
        // Events come too often to ask the time for each; every turn tells something else.
        if !matches!(what, Happening::Event { .. }) {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.at = self.clock.now();
            if let Happening::Condition(condition) = what {
                heard.condition = *condition;
            }
        }
        self.next.happened(role, what);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Told(AtomicI64);

    impl Clock for Told {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
        }
    }

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Observer for Count {
        fn happened(&self, _: Role, _: &Happening<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Scene {
        clock: Arc<Told>,
        health: Arc<Health>,
        heard: Arc<Count>,
        workers: Vec<(Role, Arc<dyn Observer>)>,
    }

    fn scene(roles: &[Role]) -> Scene {
        let (clock, heard) = (Arc::new(Told::default()), Arc::new(Count::default()));
        let health = Health::new(clock.clone(), Duration::from_secs(60));
        let workers =
            roles.iter().map(|role| (*role, health.watch(*role, heard.clone()))).collect();
        Scene { clock, health, heard, workers }
    }

    impl Scene {
        fn tell(&self, worker: usize, what: &Happening<'_>) {
            let (role, observer) = &self.workers[worker];
            observer.happened(*role, what);
        }

        fn is(&self, worker: usize, condition: Condition) {
            self.tell(worker, &Happening::Condition(condition));
        }
    }

    use Condition::{Halted, Joining, Restoring, Stopped, Stranded, Working};
    use Role::{Detect, Ingest};

    #[test]
    fn a_worker_that_tells_nothing_for_too_long_is_named() {
        let scene = scene(&[Ingest, Detect]);
        scene.clock.0.store(60, Ordering::SeqCst);
        assert!(scene.health.liveness().alive);
        scene.is(0, Stranded);
        scene.clock.0.store(61, Ordering::SeqCst);
        let told = serde_json::to_value(scene.health.liveness()).expect("JSON");
        let silent = serde_json::json!([{
            "role": "detect", "worker": 0, "condition": "joining", "silent_seconds": 61,
        }]);
        assert_eq!(told, serde_json::json!({"alive": false, "silent": silent}));
    }

    #[test]
    fn a_broker_that_is_away_makes_a_process_unready_and_never_dead() {
        let scene = scene(&[Detect]);
        for seconds in 0..1_000 {
            scene.clock.0.store(seconds, Ordering::SeqCst);
            scene.is(0, Stranded);
            assert!(scene.health.liveness().alive);
        }
        assert!(!scene.health.readiness().ready);
    }

    #[test]
    fn ready_is_when_every_role_works() {
        for (roles, conditions, ready) in [
            (vec![], vec![], true),
            (vec![Detect], vec![Joining], false),
            (vec![Detect], vec![Restoring(1)], false),
            (vec![Detect], vec![Working], true),
            (vec![Detect], vec![Stranded], false),
            (vec![Detect], vec![Halted(1)], true),
            (vec![Detect], vec![Stopped], false),
            (vec![Ingest, Detect], vec![Working, Joining], false),
            (vec![Ingest, Detect], vec![Working, Working], true),
            // One of two of a role without a partition stands by.
            (vec![Detect, Detect], vec![Working, Joining], true),
            (vec![Detect, Detect], vec![Working, Restoring(2)], false),
        ] {
            let scene = scene(&roles);
            conditions.iter().enumerate().for_each(|(worker, own)| scene.is(worker, *own));
            let told = scene.health.readiness();
            assert_eq!(told.ready, ready, "{roles:?} {conditions:?}");
            assert_eq!(told.waiting.is_empty(), ready, "{roles:?} {conditions:?}");
        }
    }

    #[test]
    fn what_is_not_well_is_named_with_its_number() {
        let scene = scene(&[Ingest, Detect, Detect]);
        scene.is(0, Halted(1));
        scene.is(1, Working);
        scene.is(2, Restoring(3));
        let told = serde_json::to_value(scene.health.readiness()).expect("JSON");
        assert_eq!(
            told,
            serde_json::json!({
                "ready": false,
                "ending": false,
                "waiting": [{"role": "detect", "worker": 1, "condition": "restoring",
                             "partitions": 3, "silent_seconds": 0}],
                "halted": [{"role": "ingest", "worker": 0, "condition": "halted",
                            "partitions": 1, "silent_seconds": 0}],
            })
        );
    }

    #[test]
    fn a_process_that_ends_is_not_ready_and_still_alive() {
        let scene = scene(&[Detect]);
        scene.is(0, Working);
        scene.health.end();
        assert!(!scene.health.readiness().ready);
        assert!(scene.health.liveness().alive);
    }

    #[test]
    fn everything_told_is_passed_on() {
        let scene = scene(&[Detect]);
        scene.is(0, Working);
        scene.tell(0, &Happening::Torn(0));
        let event =
            Happening::Event { format: None, outcome: crate::model::Outcome::Dead, age: None };
        scene.tell(0, &event);
        assert_eq!(scene.heard.0.load(Ordering::SeqCst), 3);
    }
}
