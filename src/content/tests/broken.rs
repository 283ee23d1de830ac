//! Files that do not load: `»` marks the very place that the message must name.

use super::*;

const MAPPING: &str = "apiVersion: driftline/v1\nkind: Mapping\nprovider: huawei\nservice: VPC\n";
const KIND: &str = "apiVersion: driftline/v1\nkind: Kind\nid: test.thing\narea: identity\n";
const DETECTOR: &str = "apiVersion: driftline/v1
kind: Detector
id: T-001
title: t
maturity: stable
why: w
";

/// Loads the base files and this one; the first error must stand at the mark.
fn check(head: &str, marked: &str, message: &str, hint: Option<&str>) {
    let whole = format!("{head}{marked}");
    let at = whole.find('»').expect("a mark");
    let text = whole.replace('»', "");
    let line = text[..at].matches('\n').count() + 1;
    let column = text[..at].chars().rev().take_while(|c| *c != '\n').count() + 1;
    let Err(faults) = load(&files(&[("x.yaml", &text)]), &tables()) else {
        panic!("loads:\n{text}")
    };
    let errors: Vec<&Fault> = faults.iter().filter(|fault| fault.level == Level::Error).collect();
    let found = errors.iter().find(|fault| fault.message.contains(message));
    let Some(found) = found else { panic!("no `{message}` in\n{}", listing(&faults)) };
    let place = (&*found.file, found.line as usize, found.column as usize);
    assert_eq!(place, ("x.yaml", line, column), "{found}\nin\n{text}");
    assert_eq!(found.hint.as_deref(), hint, "{found}");
}

fn on(marked: &str, message: &str, hint: Option<&str>) {
    check(MAPPING, &format!("on:\n{marked}"), message, hint);
}

/// What is wrong in an entry; `RESOURCE` stands for one.
const ENTRIES: [(&str, &str, Option<&str>); 20] = [
    ("  - by: »rot\n    act: blind\n", "unknown actor `rot`", Some("did you mean `root`?")),
    (
        "  - by: »root\n    RESOURCE\n    delete: true\n",
        "what the owner does says nothing of a resource by being the owner's",
        Some("tell acts alone, and what is written in an entry that reads the event by name"),
    ),
    (
        "  - event: a/b\n    by: »root\n    act: blind\n",
        "an entry reads events or snapshots by name, or by actor: only one",
        None,
    ),
    (
        "  - event: a/b\n    snapshot: »a.b\n    act: blind\n",
        "an entry reads events or snapshots by name, or by actor: only one",
        None,
    ),
    (
        "  - event: a/b\n    RESOURCE\n    delete: true\n  - event: »a/b\n    RESOURCE\n    delete: true\n",
        "`a/b` is already read at x.yaml:6 without `when`",
        Some("guard the first with `when`, or say both with `also`"),
    ),
    (
        "  - event: a/b\n    RESOURCE\n    put: {rules: {id: x, whole: request.r, keep: [»acton]}}\n",
        "unknown field `acton` of `network_rule`",
        Some("did you mean `action`?"),
    ),
    (
        "  - event: a/b\n    RESOURCE\n    put: {»ruels: request.x}\n",
        "unknown facet `ruels` of `network.security_group`",
        Some("did you mean `rules`?"),
    ),
    (
        "  - event: a/b\n    »resurce: {}\n    RESOURCE\n    delete: true\n",
        "unknown key `resurce` of an entry",
        Some("did you mean `resource`?"),
    ),
    (
        "  - event: a/b\n    RESOURCE\n    »event: a/c\n    delete: true\n",
        "`event` is said twice",
        Some("keep one of them"),
    ),
    (
        "  - event: a/b\n    resource: {kind: »network.securty_group, id: x}\n    delete: true\n",
        "unknown kind `network.securty_group`",
        Some("did you mean `network.security_group`?"),
    ),
    (
        "  - event: a/b\n    RESOURCE\n    put: {»open: true}\n",
        "facet `open` of `network.security_group` is derived",
        Some("say the facets it reads"),
    ),
    (
        "  - event: a/b\n    RESOURCE\n    remove: {»stateless: true}\n",
        "`stateless` has no elements to remove",
        Some("put `none` where it is known to be absent"),
    ),
    (
        "  - event: a/b\n    RESOURCE\n    put: {rules: {»id: resource_id}}\n",
        "the item has no `whole`",
        None,
    ),
    (
        "  - event: a/b\n    RESOURCE\n    delete: »yes\n",
        "`delete` is only ever `true`",
        Some("write `true`"),
    ),
    (
        "  - event: a/b\n    act: {»sign_on: {}}\n",
        "unknown act `sign_on`",
        Some("did you mean `sign_in`?"),
    ),
    (
        "  - event: a/b\n    act: {sign_in: {»usr: actor.name}}\n",
        "unknown field `usr` of act `sign_in`",
        Some("did you mean `user`?"),
    ),
    ("  - event: a/b\n    »put: {rules: x}\n", "`put` without a `resource`", None),
    (
        "  - event: a/b\n    resource: {kind: network.security_group, where: {»stateless: x}}\n    delete: true\n",
        "`stateless` is neither an element's id nor a reference",
        Some("write `stateless.id`, or the name of a `ref` facet"),
    ),
    (
        "  - event: a/b\n    failures: »true\n    RESOURCE\n    delete: true\n",
        "a failed call changes nothing",
        Some("tell the writes in another entry"),
    ),
    (
        "  - event: a/b\n    for: »r of request.x\n    RESOURCE\n    delete: true\n",
        "not a loop",
        Some("write it as `name in list`"),
    ),
];

#[test]
fn what_is_wrong_in_an_entry_is_told_at_its_place() {
    const RESOURCE: &str = "resource: {kind: network.security_group, id: resource_id}";
    for (marked, message, hint) in ENTRIES {
        on(&marked.replace("RESOURCE", RESOURCE), message, hint);
    }
}

#[test]
fn a_fault_in_an_expression_is_told_at_its_own_column() {
    let cases = [
        "  - event: a/b\n    when: »reqest.x == 1\n    act: blind\n",
        "  - event: a/b\n    when: \"'\\u00e9' == \\\"a\\\" || »reqest.x == 1\"\n    act: blind\n",
        "  - event: a/b\n    when: '''a'' == request.y || »reqest.x == 1'\n    act: blind\n",
        "  - event: a/b\n    when: |\n      request.y == 1 ||\n        »reqest.x == 1\n    act: blind\n",
        "  - event: a/b\n    when: >\n      request.y == 1\n      || »reqest.x == 1\n    act: blind\n",
        "  - event: a/b\n    when: request.y == 1\n      || »reqest.x == 1\n    act: blind\n",
        "  - event: a/b\n    when: |2-\n        request.y == 1 ||\n        »reqest.x == 1\n    act: blind\n",
        "  - event: a/b\n    when: >-\n      request.y == 1\n\n      || request.z == 'é'\n        || »reqest.x == 1\n    act: blind\n",
        "  - event: a/b\n    when: \"request.y == 1 ||\n      »reqest.x == 1\"\n    act: blind\n",
        "  - event: a/b\n    when: \"request.y == 1 \\\n      || »reqest.x == 1\"\n    act: blind\n",
        "  - event: a/b\n    when: 'request.y == ''é''\n\n      || »reqest.x == 1'\n    act: blind\n",
        "  - event: a/b\r\n    when: |\r\n      request.y == 1 ||\r\n      »reqest.x == 1\r\n    act: blind\r\n",
        "  - event: a/b\n    resource: {kind: network.interface, id: x.y}\n    for: x in request.a; y in »reqest.x\n    delete: true\n",
    ];
    for case in cases {
        on(case, "unknown name `reqest`", Some("did you mean `request`?"));
    }
}

#[test]
fn what_is_not_yaml_is_told_at_its_place() {
    check(
        MAPPING,
        "on:\n  - event: a/b\n»\t  act: blind\n",
        "a tab stands where YAML wants spaces",
        Some("indent with spaces"),
    );
    on(
        "  - {event: a/b, resource: {kind: network.interface, id: first(request.a, »request.b)}, delete: true}\n",
        "unknown key `request.b)` of `resource`",
        Some("what has a comma stands in quotes"),
    );
    check(
        "",
        "apiVersion: driftline/v1\nkind: Mapping\nprovider: aws\nservice: &a iam\non: »*a\n",
        "YAML aliases are not read",
        Some("write the value out"),
    );
    check(
        "",
        "apiVersion: »driftline/v2\nkind: Types\ntypes: {}\n",
        "unknown version `driftline/v2`",
        Some("write `driftline/v1`"),
    );
    check(
        "",
        "apiVersion: driftline/v1\nkind: »Detecter\n",
        "unknown kind of document `Detecter`",
        Some("did you mean `Detector`?"),
    );
    check("", "»kind: Types\ntypes: {}\n", "the document has no `apiVersion`", None);
}

#[test]
fn what_is_wrong_in_a_mapping_is_told_at_its_place() {
    let cases: [(&str, &str, Option<&str>); 11] = [
        (
            "functions: {»function(x): x}\non: []\n",
            "`function` is a word that CEL keeps for itself",
            Some("choose another name"),
        ),
        (
            "functions: {»rule: \"1\"}\non: []\n",
            "`rule` is no function head",
            Some("write it as `name(a, b)`"),
        ),
        (
            "functions:\n  »a(x): b(x)\n  b(x): a(x)\non: []\n",
            "functions call themselves: a -> b -> a",
            None,
        ),
        (
            "functions:\n  a(x): »reqest\non: [{event: a/b, when: a(1), act: blind}]\n",
            "unknown name `reqest`",
            Some("did you mean `request`?"),
        ),
        (
            "known: [{kind: account.settings, id: a, replace: {block: »yes}}]\non: []\n",
            "`yes` is not of type bool",
            Some("write `true` or `false`"),
        ),
        (
            "known: [{kind: account.settings, id: a, replace: {strictness: »of}}]\non: []\n",
            "`of` is none of `no`, `on`, `off`",
            Some("did you mean `off`?"),
        ),
        (
            "on: []\ntests: [{name: n, event: {fixture: »huawei/none.json}, facets: {}}]\n",
            "no fixture `huawei/none.json`",
            Some("put the file below `fixtures/`"),
        ),
        (
            "on: []\ntests: [{name: n, event: {wait: 5m}, facets: »{}}]\n",
            "the test expects nothing",
            Some(
                "name the `facets` that the events leave, the `acts` they tell, or their `outcomes`",
            ),
        ),
        (
            "on: []\ntests: [{name: n, event: {wait: 5m}, outcomes: [blind, »aplied]}]\n",
            "unknown outcome `aplied`",
            Some("did you mean `applied`?"),
        ),
        (
            "on: []\ntests: [{name: n, event: {wait: 5m}, acts: [»sing_in]}]\n",
            "unknown act `sing_in`",
            Some("did you mean `sign_in`?"),
        ),
        (
            "on: []\ntests: [{name: n, event: {wait: 5m}, acts: {sign_in: {»usr: a}}}]\n",
            "unknown field `usr` of `sign_in`",
            Some("did you mean `user`?"),
        ),
    ];
    for (marked, message, hint) in cases {
        check(MAPPING, marked, message, hint);
    }
}

#[test]
fn what_is_wrong_in_a_kind_is_told_at_its_place() {
    let cases: [(&str, &str, Option<&str>); 10] = [
        ("facets: {a: list<»peeer>}\n", "unknown type `peeer`", Some("did you mean `peer`?")),
        (
            "facets: {a: ref »network.interfaces}\n",
            "unknown kind `network.interfaces`",
            Some("did you mean `network.interface`?"),
        ),
        (
            "facets: {a: »set<network_rule>}\n",
            "set `a` of records has no `key`",
            Some("name the fields that tell one `network_rule` from another"),
        ),
        (
            "facets: {a: {type: set<document>, key: [»nam]}}\n",
            "unknown field `nam` of `document`",
            Some("did you mean `name`?"),
        ),
        (
            "facets: {a: »back network.interface.grups}\n",
            "unknown facet `grups` of `network.interface`",
            Some("did you mean `groups`?"),
        ),
        (
            "facets: {a: {type: ports, default: »ssh}}\n",
            "`ssh` is not of type ports",
            Some("write `22`, `80,443`, `8000-8100`, `all` or `none`"),
        ),
        ("facets: {»tags: json}\n", "facet `tags` is already there", None),
        (
            "derive:\n  a: {type: bool, is: »\"b\"}\n  b: {type: bool, is: a}\n",
            "lead back to themselves: test.thing.a -> test.thing.b -> test.thing.a",
            None,
        ),
        ("derive:\n  a: {»type: bool}\n", "facet `a` has no `is`", None),
        (
            "facets: {a: {type: bool, »defualt: true}}\n",
            "unknown key `defualt` of facet `a`",
            Some("did you mean `default`?"),
        ),
    ];
    for (marked, message, hint) in cases {
        check(KIND, marked, message, hint);
    }
}

const POSTURE: &str = "severity: high\napplies_to: network.security_group\n";

/// The rest of a detector, and what is wrong in it.
const DETECTORS: [(&str, &str, &str, Option<&str>); 16] = [
    (
        "",
        "severity: »hgh\napplies_to: network.interface\ninsecure: exposed\n",
        "unknown severity `hgh`",
        Some("did you mean `high`?"),
    ),
    (POSTURE, "insecure: »opn\n", "unknown name `opn`", Some("did you mean `open`?")),
    (
        "severity: high\napplies_to: [network.security_group, account.settings]\n",
        "insecure: »open\n",
        "unknown name `open`",
        Some("`account.settings` has no such facet, `network.security_group` has"),
    ),
    (
        POSTURE,
        "each: »stateless\ninsecure: open\n",
        "`stateless` of `network.security_group` has no elements",
        None,
    ),
    (
        POSTURE,
        "insecure: open\non_act: »{act: sign_in}\n",
        "has both `insecure` and `on_act`",
        None,
    ),
    (
        POSTURE,
        "insecure: open\nparams: {a: {»type: int}}\n",
        "parameter `a` has no `default`",
        None,
    ),
    (
        POSTURE,
        "insecure: open\nassume: {»ruels: '[]'}\n",
        "unknown facet `ruels` of `network.security_group`",
        Some("did you mean `rules`?"),
    ),
    (
        POSTURE,
        "insecure: open\nfix: {»awz: x}\n",
        "unknown provider `awz`",
        Some("did you mean `aws`?"),
    ),
    (
        "severity: high\n",
        "on_act: {act: »sign_im}\narea: identity\n",
        "unknown act `sign_im`",
        Some("did you mean `sign_in`?"),
    ),
    (
        "severity: high\narea: identity\n",
        "on_act: {act: sign_in, when: »sucess}\n",
        "unknown name `sucess`",
        Some("did you mean `success`?"),
    ),
    (
        "severity: high\narea: identity\n",
        "window: {by: cell, count: {of: [»T-002], at_least: 2, within: 5m}}\n",
        "no detector is `T-002`",
        Some("did you mean `T-001`?"),
    ),
    (
        "severity: high\narea: identity\n",
        "window: {by: cell, count: {of: [T-001], at_least: 2, within: »5 minutes}}\n",
        "`5 minutes` is no span of time",
        Some("write `30s`, `15m`, `4h` or `7d`"),
    ),
    (
        "severity: high\narea: identity\n",
        "window: {by: »cel, gap: {of: [T-001]}}\n",
        "unknown scope `cel`",
        Some("did you mean `cell`?"),
    ),
    (
        "applies_to: network.security_group\ninsecure: open\n",
        "severity: [{is: high, when: »open}]\n",
        "the last severity has a condition",
        Some("add one without `when`: it holds where no other does"),
    ),
    (
        POSTURE,
        "insecure: open\ntests: [{name: n, events: [], expect: [»openned high]}]\n",
        "unknown step `openned`",
        Some("did you mean `opened`?"),
    ),
    (
        POSTURE,
        "insecure: open\ntests: [{name: n, events: [{aws: {source: s, name: n, »reqest: {}}}], expect: [silent]}]\n",
        "unknown key `reqest` of `aws`",
        Some("did you mean `request`?"),
    ),
];

#[test]
fn what_is_wrong_in_a_detector_is_told_at_its_place() {
    for (rest, marked, message, hint) in DETECTORS {
        check(&format!("{DETECTOR}{rest}"), marked, message, hint);
    }
}

#[test]
fn everything_wrong_in_all_files_is_told_at_once() {
    let texts = [
        ("a.yaml", "apiVersion: driftline/v1\nkind: Kind\nid: a.b\nfacets: {x: strng}\n"),
        ("b.yaml", "apiVersion: driftline/v1\nkind: Mapping\nprovider: awz\non: []\n"),
        ("c.yaml", "]\n"),
    ];
    let Err(faults) = load(&files(&texts), &tables()) else { panic!("loads") };
    let errors = faults.iter().filter(|fault| fault.level == Level::Error);
    let places: Vec<String> =
        errors.map(|fault| format!("{}:{}", fault.file, fault.line)).collect();
    assert_eq!(places, ["a.yaml:1", "a.yaml:4", "b.yaml:3", "c.yaml:1"]);
}

#[test]
fn a_fault_is_shown_with_its_line_and_a_caret() {
    let text = format!("{KIND}facets: {{a: {{doc: é, type: strng}}}}\n");
    let Err(faults) = load(&files(&[("x.yaml", &text)]), &tables()) else { panic!("loads") };
    assert_eq!(
        faults[0].to_string(),
        "x.yaml:5:28: error: unknown type `strng`\n 5 | facets: {a: {doc: é, type: strng}}\n   |                            ^^^^^ did you mean `string`?"
    );
    let log = sarif(&faults);
    assert_eq!(log["version"], "2.1.0");
    let region = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startLine"], &region["startColumn"]), (&5.into(), &28.into()));
    assert_eq!(faults[0].to_json()["hint"], "did you mean `string`?");
}

#[test]
fn a_condition_that_never_changes_is_warned_of_at_its_place() {
    for (insecure, column, message) in [
        ("\"true\"", 11, "the condition is always true"),
        ("open && 1 > 2", 21, "this is always false"),
        ("open || true", 19, "the condition never changes"),
        ("open && !open", 16, "a condition and its opposite: this is always false"),
    ] {
        let text = format!("{DETECTOR}{POSTURE}insecure: {insecure}\n");
        let (_, faults) = load(&files(&[("x.yaml", &text)]), &tables()).expect("it loads");
        let found = faults.iter().find(|fault| fault.message == message);
        let place = found.map(|fault| (&*fault.file, fault.line, fault.column, fault.level));
        assert_eq!(place, Some(("x.yaml", 9, column, Level::Warning)), "{}", listing(&faults));
    }
}
