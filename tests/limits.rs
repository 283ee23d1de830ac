//! The bounds of the state: what happens at each and one past it.

mod common;

use common::records::{ACCOUNT, authorize, azure, azure_rule, create_group, ec2, item, revoke};
use common::{Play, cloudtrail};
use driftline::model::Step::{Opened, Resolved, Retracted};
use driftline::model::{Limit, Limits, Outcome};
use serde_json::{Value, json};

const WORLD: &str = "0.0.0.0/0";

/// The limits of the account that were reached, and whether each for the first time.
fn told(play: &Play) -> Vec<(Limit, bool)> {
    let of = format!("account {ACCOUNT}/{ACCOUNT}");
    let told = play.log.reached.iter();
    told.map(|(limit, by, first)| {
        assert_eq!(*by, of);
        (*limit, *first)
    })
    .collect()
}

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
    assert_eq!(told(&play), [(Limit::ResourcesPerCell, true)]);
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
    // Two detectors would have opened it.
    let full = Limit::FindingsPerCell;
    assert_eq!(told(&play), [(full, true), (full, false)]);
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
        play.say(&create_group("c", 0, "sg-1"));
        for n in 0..count {
            let port = 1_000 + u16::try_from(n).unwrap_or_default();
            let at = 1 + 10 * i64::try_from(n).unwrap_or_default();
            play.say(&authorize(&format!("e{n}"), at, "sg-1", &format!("r{n}"), port, WORLD));
        }
        let facets = play.facets("sg-1").unwrap_or_default().to_string();
        assert_eq!(facets.matches("ingress").count(), count.min(MOST), "{count}: {facets}");
        assert!(facets.contains(&(999 + count).to_string()), "the newest stay: {facets}");
        let expected = if count < MOST { vec![] } else { vec![(Limit::Elements, true)] };
        assert_eq!(told(&play), expected, "{count}");
        // That a rule is not among them does not prove that it is gone; its removal does.
        assert_eq!(play.story("FW-006"), vec![Opened; count], "{count}");
        let rules = json!({"items": [{"securityGroupRuleId": "r0"}]});
        let request = json!({"groupId": "sg-1", "securityGroupRuleIds": rules});
        play.say(&ec2("x", 5_000, "RevokeSecurityGroupIngress", &request, &json!({})));
        assert_eq!(play.open("FW-006").len(), count - 1, "{count}: {}", play.log.text);
        // A snapshot that names all there is decides about all of them.
        play.say(&item(1, 9_000, "sg-1", &[(1_001, WORLD)]));
        assert_eq!(play.open("FW-006").len(), 1, "{count}: {}", play.log.text);
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
    assert_eq!(plenty.log.reached, [], "the shipped pack stays within its budget");

    let mut scarce = Play::within(Limits { fuel: 30, ..Limits::default() });
    say(&mut scarce);
    assert_eq!(scarce.log.outcomes, plenty.log.outcomes, "each event has its outcome");
    let spenders: Vec<&str> = scarce.log.reached.iter().map(|(_, name, _)| &**name).collect();
    assert!(spenders.contains(&"facet network.security_group.world"), "{spenders:?}");
    assert!(spenders.iter().any(|name| name.starts_with("detector FW-")), "{spenders:?}");
    // Each is the first of its name once, and the first time it is told.
    let mut known = std::collections::BTreeSet::new();
    for (limit, name, first) in &scarce.log.reached {
        assert_eq!(*limit, Limit::Fuel);
        assert_eq!(*first, known.insert(name), "{name}");
    }
    assert!(known.len() < scarce.log.reached.len(), "every time is counted");
    // The small group's rules fit the budget: what can be judged is judged.
    assert_eq!(scarce.open("FW-001").len(), 1, "{}", scarce.log.text);

    let mut none = Play::within(Limits { fuel: 1, ..Limits::default() });
    say(&mut none);
    let mapping = |name: &str| name.starts_with("mapping config/content/mappings");
    assert!(none.log.reached.iter().any(|(_, name, _)| mapping(name)), "{:?}", none.log.reached);
}

#[test]
fn one_operation_past_the_bound_gives_up_the_oldest_as_if_its_end_were_lost() {
    let write = "Microsoft.Network/networkSecurityGroups/securityRules/write";
    let started = |number: i64| {
        let place = format!(
            "/resourceGroups/shop/providers/Microsoft.Network/networkSecurityGroups/nsg-{number}/securityRules/a"
        );
        azure(number, write, &place, "Start", &format!("run-{number}"), &azure_rule("22", "*"))
    };
    let mut play = Play::within(Limits { operations: 2, ..Limits::default() });
    play.say(&started(1));
    play.say(&started(2));
    assert!(play.open("FW-001").is_empty(), "{}", play.log.text);
    assert!(play.log.reached.is_empty());
    assert_eq!(play.say(&started(3)), Outcome::Pending);
    let limits: Vec<Limit> = play.log.reached.iter().map(|(limit, ..)| *limit).collect();
    assert_eq!(limits, [Limit::Operations]);
    assert_eq!(play.open("FW-001").len(), 1, "{}", play.log.text);
    assert!(play.open("FW-001")[0].1, "nobody knows yet whether it came to be");
    assert!(play.steps("FW-001")[0].resource.contains("nsg-1"), "{}", play.log.text);
    play.wait(1_000);
    assert_eq!(play.open("FW-001").len(), 3, "each once: {}", play.log.text);
}

#[test]
fn a_removal_past_the_bound_of_those_that_wait_is_forgotten_oldest_first() {
    let mut play = Play::within(Limits { orphans: 1, ..Limits::default() });
    for (number, rule) in [(1, "r1"), (2, "r2")] {
        let request = json!({"securityGroupRuleIds": {"items": [{"securityGroupRuleId": rule}]}});
        let id = format!("d{number}");
        assert!(play.log.reached.is_empty());
        play.say(&ec2(&id, 50 + number, "RevokeSecurityGroupIngress", &request, &json!({})));
    }
    assert_eq!(told(&play), [(Limit::Orphans, true)]);
    play.say(&authorize("a1", 1, "sg-1", "r1", 22, WORLD));
    play.say(&authorize("a2", 2, "sg-2", "r2", 22, WORLD));
    let open: Vec<_> = play.steps("FW-001").iter().map(|l| (l.step, l.resource.clone())).collect();
    let expected = [(Opened, "sg-1"), (Opened, "sg-2"), (Resolved, "sg-2")];
    assert_eq!(open, expected.map(|(step, id)| (step, id.to_owned())), "{}", play.log.text);
}

#[test]
fn what_is_unsure_can_be_taken_back_though_more_came_since_than_is_kept_unfolded() {
    let write = "Microsoft.Network/networkSecurityGroups/securityRules/write";
    let rule = |second: i64, name: &str, status: &str, source: &str| {
        let group = "/resourceGroups/shop/providers/Microsoft.Network/networkSecurityGroups/nsg";
        let place = format!("{group}/securityRules/{name}");
        azure(second, write, &place, status, name, &azure_rule("22", source))
    };
    let run = |failing: bool| {
        let mut play = Play::within(Limits { recent_events: 2, ..Limits::default() });
        if failing {
            play.say(&rule(1, "bad", "Start", "*"));
        }
        for number in 0..6 {
            let name = format!("r{number}");
            play.say(&rule(1_000 + 10 * number, &name, "Success", "10.0.0.0/8"));
        }
        if failing {
            assert_eq!(play.open("FW-001").len(), 1, "{}", play.log.text);
            play.say(&rule(2_000, "bad", "Failure", "*"));
            assert_eq!(play.story("FW-001"), [Opened, Retracted], "{}", play.log.text);
        }
        let mut held = Vec::new();
        play.engine.resources(&mut |resource| held.push(resource.facets.to_string()));
        held
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn of_a_snapshot_with_more_elements_than_the_bound_it_is_known_that_there_are_others() {
    const MOST: usize = 3;
    for count in [MOST, MOST + 1] {
        let mut play = Play::within(Limits { elements: MOST, ..Limits::default() });
        play.say(&authorize("a", 10, "sg-1", "r", 22, WORLD));
        let ports = (0..count).map(|n| (1_000 + u16::try_from(n).unwrap_or_default(), WORLD));
        let outcome = play.say(&item(1, 900, "sg-1", &ports.collect::<Vec<_>>()));
        let cut = count > MOST;
        assert_eq!(outcome == Outcome::Blind, cut, "{count}: {outcome:?}");
        // Whether the rule for port 22 is among those that were cut nobody knows.
        assert_eq!(play.open("FW-001").len(), usize::from(cut), "{count}: {}", play.log.text);
        let open = play.open("FW-006").len();
        assert_eq!(open, MOST + usize::from(cut), "{count}: {}", play.log.text);
    }
}

#[test]
fn a_facet_larger_than_the_bound_is_known_to_have_changed_and_no_more() {
    let policy = |id: &str, second, principal: &str, statements: usize| {
        let one = json!({"Effect": "Allow", "Principal": {"AWS": principal},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"});
        let request = json!({"bucketName": "b", "bucketPolicy":
            {"Version": "2012-10-17", "Statement": vec![one; statements]}});
        let service = "s3.amazonaws.com";
        cloudtrail(ACCOUNT, id, second, service, "PutBucketPolicy", &request, &Value::Null)
    };
    let owner = format!("arn:aws:iam::{ACCOUNT}:root");
    for (statements, fits) in [(2, true), (200, false)] {
        let mut play = Play::within(Limits { facet_bytes: 4 << 10, ..Limits::default() });
        play.say(&policy("1", 1, "*", 1));
        assert_eq!(play.story("OBJ-001"), [Opened], "{}", play.log.text);
        let outcome = play.say(&policy("2", 60, &owner, statements));
        assert_eq!(outcome == Outcome::Blind, !fits, "{outcome:?}");
        let told = play.story("OBJ-001");
        assert_eq!(told == [Opened, Resolved], fits, "{statements}: {}", play.log.text);
        assert_eq!(told == [Opened], !fits, "{statements}: {}", play.log.text);
    }
}
