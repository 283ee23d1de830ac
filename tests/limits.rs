//! The bounds of the state: what happens at each and one past it.

mod common;

use common::Play;
use common::records::{authorize, create_group, ec2, revoke};
use driftline::model::Limits;
use driftline::model::Step::{Opened, Resolved};
use serde_json::{Value, json};

const WORLD: &str = "0.0.0.0/0";

#[test]
fn one_resource_past_the_bound_is_not_taken_up_and_the_others_go_on() {
    let mut play = Play::within(Limits { resources_per_cell: 3, ..Limits::default() });
    for number in 0..4 {
        let group = format!("sg-{number}");
        play.say(&authorize(&group, number, &group, &format!("r{number}"), 22, WORLD));
    }
    assert_eq!(play.engine.size().0, 3);
    assert!(play.facets("sg-2").is_some() && play.facets("sg-3").is_none());
    assert_eq!(play.open("FW-001").len(), 3);
    play.say(&revoke("x", 50, "sg-0", 22, WORLD));
    assert_eq!(play.open("FW-001").len(), 2, "a known resource is still followed");
}

#[test]
fn one_finding_past_the_bound_is_not_opened_and_room_is_used_again() {
    let mut play = Play::within(Limits { findings_per_cell: 2, ..Limits::default() });
    for number in 0..3 {
        let group = format!("sg-{number}");
        play.say(&authorize(&group, number, &group, &format!("r{number}"), 22, WORLD));
    }
    assert_eq!(play.engine.open_findings(), 2, "{}", play.log.text);
    assert_eq!(play.story("FW-001"), [Opened, Opened]);
    play.say(&revoke("x", 50, "sg-0", 22, WORLD));
    play.say(&authorize("y", 60, "sg-9", "r9", 22, WORLD));
    assert_eq!(play.story("FW-001"), [Opened, Opened, Resolved, Opened], "{}", play.log.text);
}

#[test]
fn more_events_than_are_kept_unfolded_leave_the_same_state() {
    const KEPT: usize = 4;
    for count in [KEPT, KEPT + 1, 3 * KEPT] {
        let records: Vec<Value> = (0..count)
            .map(|n| {
                let port = 1_000 + u16::try_from(n).unwrap_or_default();
                authorize(
                    &format!("e{n}"),
                    10 * i64::try_from(n).unwrap_or_default(),
                    "sg-1",
                    &format!("r{n}"),
                    port,
                    WORLD,
                )
            })
            .collect();
        let mut narrow = Play::within(Limits { recent_events: KEPT, ..Limits::default() });
        let mut wide = Play::within(Limits { recent_events: 1_000, ..Limits::default() });
        for record in &records {
            narrow.say(record);
            wide.say(record);
        }
        assert_eq!(narrow.facets("sg-1"), wide.facets("sg-1"), "{count}");
        // What is folded still yields to a removal, and to one that comes late.
        let removal = revoke("x", 5, "sg-1", 1_000, WORLD);
        narrow.say(&removal);
        wide.say(&removal);
        assert_eq!(narrow.facets("sg-1"), wide.facets("sg-1"), "{count}");
    }
}

#[test]
fn what_a_change_reaches_beyond_the_bound_is_judged_at_the_next_tick() {
    let attach = |number: i64| {
        let request = json!({"userName": format!("u{number}"), "policyArn": "arn:aws:iam::111122223333:policy/p"});
        common::records::iam(&format!("a{number}"), number, "AttachUserPolicy", &request)
    };
    let document = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let mut policy = common::records::iam(
        "p",
        100,
        "CreatePolicy",
        &json!({"policyName": "p", "policyDocument": document}),
    );
    policy["responseElements"] = json!({"policy":
        {"arn": "arn:aws:iam::111122223333:policy/p", "defaultVersionId": "v1", "policyName": "p"}});
    for (reached, at_once) in [(3, true), (9, false)] {
        let mut play = Play::within(Limits { fan_out: 6, ..Limits::default() });
        for number in 0..reached {
            play.say(&attach(number));
        }
        play.say(&policy);
        let found = |play: &Play| play.open("IAM-010").len();
        let stale = play.engine.stale_derivations();
        assert_eq!(stale.is_empty(), at_once, "{stale:?}");
        for second in 101..110 {
            play.wait(second);
        }
        assert_eq!(found(&play), usize::try_from(reached).unwrap_or_default(), "{}", play.log.text);
        assert_eq!(play.engine.stale_derivations(), Vec::<String>::new());
    }
}

#[test]
fn a_set_with_more_elements_than_the_bound_stays_bounded() {
    const MOST: usize = 5;
    for count in [MOST, MOST + 1, 4 * MOST + 7] {
        let mut play = Play::within(Limits { elements: MOST, ..Limits::default() });
        for n in 0..count {
            let port = 1_000 + u16::try_from(n).unwrap_or_default();
            let at = 10 * i64::try_from(n).unwrap_or_default();
            play.say(&authorize(&format!("e{n}"), at, "sg-1", &format!("r{n}"), port, WORLD));
        }
        assert!(play.open("FW-006").len() <= 4 * MOST, "{count}: elements grow without bound");
        assert!(play.open("FW-006").len() >= MOST, "{count}");
    }
    // Removals of what was never seen are forgotten, oldest first.
    let mut play = Play::within(Limits { elements: MOST, ..Limits::default() });
    play.say(&create_group("c", 0, "sg-1"));
    let mut sizes = Vec::new();
    for n in 0..300 {
        let rules = json!({"items": [{"securityGroupRuleId": format!("r{n:03}")}]});
        let request = json!({"groupId": "sg-1", "securityGroupRuleIds": rules});
        let id = format!("d{n:03}");
        play.say(&ec2(&id, n, "RevokeSecurityGroupIngress", &request, &json!({})));
        sizes.push(play.engine.size().1);
    }
    assert!(sizes[299] < sizes[99] + 100, "the row grows: {} then {}", sizes[99], sizes[299]);
}

#[test]
fn an_expression_that_uses_up_its_budget_is_told_and_stops_nothing() {
    let say = |play: &mut Play| {
        for n in 0..40 {
            let port = 1_000 + u16::try_from(n).unwrap_or_default();
            play.say(&authorize(&format!("e{n}"), 10 * n, "sg-1", &format!("r{n}"), port, WORLD));
        }
        play.say(&authorize("last", 900, "sg-2", "x", 22, WORLD));
    };
    let mut plenty = Play::within(Limits::default());
    say(&mut plenty);
    assert_eq!(plenty.log.exhausted, [], "the shipped pack stays within its budget");

    let mut scarce = Play::within(Limits { fuel: 30, ..Limits::default() });
    say(&mut scarce);
    assert_eq!(scarce.log.outcomes, plenty.log.outcomes, "each event has its outcome");
    let spenders: Vec<&str> = scarce.log.exhausted.iter().map(|(name, _)| &**name).collect();
    assert!(spenders.contains(&"facet network.security_group.world"), "{spenders:?}");
    assert!(spenders.iter().any(|name| name.starts_with("detector FW-")), "{spenders:?}");
    // Each is the first of its name once, and the first time it is told.
    let mut known = std::collections::BTreeSet::new();
    for (name, first) in &scarce.log.exhausted {
        assert_eq!(*first, known.insert(name), "{name}");
    }
    assert!(known.len() < scarce.log.exhausted.len(), "every time is counted");
    // The small group's rules fit the budget: what can be judged is judged.
    assert_eq!(scarce.open("FW-001").len(), 1, "{}", scarce.log.text);

    let mut none = Play::within(Limits { fuel: 1, ..Limits::default() });
    say(&mut none);
    let mapping = |(name, _): &(String, bool)| name.starts_with("mapping config/content/mappings");
    assert!(none.log.exhausted.iter().any(mapping), "{:?}", none.log.exhausted);
}
