//! The networks library: what is read, and what rules open.

use std::cell::Cell;

use bumpalo::Bump;

use crate::expr::net;
use crate::expr::program::Functions;
use crate::model::{Rec, Schema, Seq, Val};

use super::{Cloud, call_with, compiled, schema, scope_of, vars, written};

fn check(source: &str, rules: Val<'_>, item: Val<'_>, schema: &Schema) -> String {
    check_within(source, rules, item, schema, 10_000)
}

fn check_within(source: &str, rules: Val<'_>, item: Val<'_>, schema: &Schema, fuel: u32) -> String {
    let mut scope = scope_of(schema, "network.security_group");
    let record = crate::model::Type::Record(schema.record_names["network_rule"]);
    scope.vars.extend(vars(&[("item", record), ("gone", crate::model::Type::Dyn)]));
    let program = compiled(source, &scope, &Functions::new(&[net::HOSTS]));
    let (arena, fuel) = (Bump::new(), Cell::new(fuel));
    let mut world = Cloud::default();
    let own = world.add(schema, "network.security_group", "sg", &[("rules", rules)]);
    let call = call_with(&arena, schema, &world, &fuel);
    written(program.eval(&[own, item, Val::Unsaid], &call))
}

#[test]
fn what_clouds_write_becomes_canonical() {
    let schema = schema();
    for (source, expected) in [
        (
            "['TCP', '6', '-1', 'ALL', '*', '17', '99', 'ipv6-icmp', ''].map(p, net.protocol(p))",
            "['tcp', 'tcp', 'any', 'any', 'any', 'udp', '99', 'icmpv6', 'any']",
        ),
        ("[net.protocol(-1), net.protocol(58), net.protocol(gone)]", "['any', 'icmpv6', unsaid]"),
        ("net.ports('22, 80-443,81')", "<22,80-443>"),
        ("net.ports('80-81,82')", "<80-82>"),
        (
            "[net.ports('*'), net.ports('all'), net.ports('0-65535'), net.ports(-1)]",
            "[<all>, <all>, <all>, <all>]",
        ),
        ("net.ports(['22', 80])", "<22,80>"),
        ("net.ports('')", "<none>"),
        ("net.ports(gone)", "unsaid"),
        ("net.ports(70000)", "error: the value names no ports"),
        ("net.range(80, 90)", "<80-90>"),
        ("net.range('80', gone)", "<80>"),
        ("net.range(-1, -1)", "<all>"),
        ("net.range(gone, gone)", "unsaid"),
        ("net.range(gone, gone, {zero: all})", "<all>"),
        ("net.range(0, 0)", "<0>"),
        ("net.range(0, 0, {zero: all})", "<all>"),
        ("net.range(90, 80)", "error: the range names no ports"),
        (
            "['10.1.2.3/8', '1.2.3.4', '0.0.0.0/0', '9.9.9.9/0', '2001:DB8::1/32', '::1'].map(c, net.cidr(c))",
            "['10.0.0.0/8', '1.2.3.4/32', '0.0.0.0/0', '0.0.0.0/0', '2001:db8::/32', '::1/128']",
        ),
        (
            "['*', 'Internet', 'any', 'VirtualNetwork'].map(c, net.cidr(c))",
            "['any', 'any', 'any', 'tag:VirtualNetwork']",
        ),
        (
            "[net.group('a'), net.prefix_list('b'), net.addresses('c'), net.tag('d')]",
            "['group:a', 'list:b', 'list:c', 'tag:d']",
        ),
        ("net.list(net.group(gone))", "unsaid"),
        ("net.list('any') == [net.cidr('*')]", "true"),
        (
            "[net.cidr('::/0').is_any(), net.cidr('1.1.1.1/0').is_any(), net.tag('x').is_any()]",
            "[true, true, false]",
        ),
        (
            "['8.8.8.0/24', '10.0.0.0/8', '0.0.0.0/0', '10.0.0.0/7', 'any', 'fd00::/8', 'group:x'].map(c, net.public_space(c))",
            "[true, false, true, true, true, false, false]",
        ),
        (
            "[net.contains('10.0.0.0/8', '10.1.0.0/16'), net.contains('10.1.0.0/16', '10.0.0.0/8'), net.contains('any', '::1'), net.contains('::/0', '1.2.3.4')]",
            "[true, false, true, false]",
        ),
        ("net.union([net.ports('1-10'), net.ports('5-20'), net.nothing()])", "<1-20>"),
        (
            "net.ports('80-90').contains(net.ports('81,85')) && !net.ports('80').contains(81)",
            "true",
        ),
        (
            "[net.ports('80-90').intersects(net.ports('90-99')), net.nothing().empty(), net.all().size() == 65536]",
            "[true, true, true]",
        ),
        (
            "net.any('0.0.0.0/0') && net.any(['10.0.0.0/8', '::/0']) && !net.any('10.0.0.0/8')",
            "true",
        ),
    ] {
        assert_eq!(check(source, Val::Unknown, Val::Unknown, &schema), expected, "{source}");
    }
}

/// A rule from `direction action protocol ports peer priority`; `-` unsaid, `?` unknown.
fn rule<'a>(text: &str, schema: &'a Schema, arena: &'a Bump) -> Val<'a> {
    let ty = schema.record_named("network_rule").expect("declared");
    let fields = arena.alloc_slice_fill_copy(ty.fields.len(), Val::Unsaid);
    for (place, word) in text.split(' ').enumerate() {
        let word: &str = arena.alloc_str(word);
        fields[place] = match (place, word) {
            (_, "-") => Val::Unsaid,
            (_, "?") => Val::Unknown,
            (3, ports) => Val::Ports(crate::expr::ports::parse(ports, arena).expect("ports")),
            (4, peers) => Val::list(
                arena.alloc_slice_fill_iter(
                    peers
                        .split('+')
                        .map(|peer| if peer == "??" { Val::Unknown } else { Val::Str(peer) })
                        .collect::<Vec<_>>(),
                ),
            ),
            (5, number) => Val::Int(number.parse().expect("a number")),
            (6, truth) => Val::Bool(truth == "on"),
            (_, word) => Val::Str(word),
        };
    }
    Val::Record(Rec { ty, fields })
}

/// Rules (the first is the item), open ports, and whether the item opens 22 over TCP.
const OPENED: [(&[&str], &str, &str); 24] = [
    (&["ingress allow tcp 22 0.0.0.0/0"], "<22>", "true"),
    (&["ingress allow tcp 22 ::/0"], "<22>", "true"),
    (&["ingress allow any all any"], "<all>", "true"),
    (&["ingress - - - -"], "<all>", "true"),
    (&["ingress allow udp 22 any"], "<22>", "false"),
    (&["ingress allow icmp all any"], "<none>", "false"),
    (&["egress allow tcp 22 any"], "<none>", "false"),
    (&["ingress allow tcp 22 10.0.0.0/8"], "<none>", "false"),
    (&["ingress allow tcp 22 10.0.0.0/8+9.9.9.9/0"], "<22>", "true"),
    (&["ingress allow tcp 22 any 1 off"], "<none>", "false"),
    (&["ingress deny tcp 22 any"], "<none>", "false"),
    (&["ingress allow tcp 20-30 any 5", "ingress deny tcp 22 any 4"], "<20-21,23-30>", "false"),
    (&["ingress allow tcp 20-30 any 5", "ingress deny tcp 22 any 5"], "<20-21,23-30>", "false"),
    (&["ingress allow tcp 20-30 any 5", "ingress deny tcp 22 any 6"], "<20-30>", "true"),
    (&["ingress allow tcp 22 any 5", "ingress deny udp 22 any 1"], "<22>", "true"),
    (&["ingress allow tcp 22 any 5", "ingress deny any all any 1"], "<none>", "false"),
    (&["ingress allow tcp 22 any 5", "ingress deny any all 0.0.0.0/0 1"], "<22>", "true"),
    (&["ingress allow tcp 22 0.0.0.0/0 5", "ingress deny tcp 22 10.0.0.0/8 1"], "<22>", "true"),
    (&["ingress allow tcp 22 any 5", "egress deny tcp 22 any 1"], "<22>", "true"),
    (&["ingress allow tcp 22 any 5", "ingress deny tcp 22 any 1 off"], "<22>", "true"),
    (&["ingress ? tcp 22 any"], "<none and more>", "unknown"),
    (&["ingress allow tcp ? any"], "<none and more>", "unknown"),
    (&["ingress allow tcp 22 any 5", "ingress deny tcp ? any 1"], "<none and more>", "unknown"),
    (&["ingress allow tcp 22 10.0.0.0/8+??"], "<none and more>", "unknown"),
];

#[test]
fn rules_open_what_no_stronger_deny_closes() {
    let schema = schema();
    let arena = Bump::new();
    for (rules, open, opens) in OPENED {
        let items: Vec<_> = rules.iter().map(|text| rule(text, &schema, &arena)).collect();
        let item = items[0];
        let all = Val::list(arena.alloc_slice_copy(&items));
        let found = check("net.open(rules, ingress)", all, item, &schema);
        assert_eq!(found, open, "{rules:?}");
        let found = check("net.opens(item, rules, tcp, 22)", all, item, &schema);
        assert_eq!(found, opens, "{rules:?}");
    }
}

#[test]
fn of_partial_rules_the_known_ones_decide() {
    let schema = schema();
    let arena = Bump::new();
    let open = rule("ingress allow tcp 22 any", &schema, &arena);
    let rules = Val::List(Seq { items: arena.alloc_slice_copy(&[open]), whole: false });
    for (source, expected) in [
        ("net.open(rules, ingress)", "<22 and more>"),
        ("net.open(rules, ingress).contains(22)", "true"),
        ("net.open(rules, ingress).contains(23)", "unknown"),
        ("net.open(rules, ingress).size()", "unknown"),
        ("net.open(rules, ingress).intersects(net.ports('22-23'))", "true"),
        ("net.open(rules, ingress).empty()", "false"),
        ("net.open(rules, ingress) == net.ports('22')", "unknown"),
        ("net.opens(item, rules, tcp, 22)", "true"),
        ("net.opens(item, rules, tcp, net.ports('20-30'))", "true"),
        ("net.opens(item, rules, tcp, [22, 80])", "true"),
        ("net.opens(item, rules, any, '23')", "false"),
        ("net.any(item)", "true"),
        ("net.exposes(item, rules, tcp, '22')", "false"),
        ("net.exposes(item, rules, tcp, net.ports('80,443'))", "true"),
        ("net.exposes(item, rules, udp, '80')", "false"),
    ] {
        assert_eq!(check(source, rules, open, &schema), expected, "{source}");
    }
}

#[test]
fn two_thousand_rules_stay_within_the_default_budget() {
    let schema = schema();
    let arena = Bump::new();
    let open = rule("ingress allow tcp 22 any", &schema, &arena);
    let rules = Val::list(arena.alloc_slice_fill_copy(2_000, open));
    for (source, expected) in
        [("net.open(rules, ingress)", "<22>"), ("net.opens(item, rules, tcp, 22)", "true")]
    {
        let found =
            check_within(source, rules, open, &schema, crate::model::Limits::default().fuel);
        assert_eq!(found, expected, "{source}");
    }
}

#[test]
fn every_function_has_its_words() {
    for host in Functions::new(&[net::HOSTS]).hosts() {
        assert!(host.doc.ends_with('.') && !host.example.is_empty(), "{}", host.name);
        for ty in host.params.iter().map(|param| param.ty).chain([host.returns]) {
            assert!(super::parse_type(ty, &schema()).is_ok(), "{}: `{ty}`", host.name);
        }
    }
}

#[test]
fn every_example_compiles_and_those_that_compare_hold() {
    let schema = schema();
    let arena = Bump::new();
    let item = rule("ingress allow tcp 22 any", &schema, &arena);
    let rules = Val::list(arena.alloc_slice_copy(&[item]));
    for host in Functions::new(&[net::HOSTS]).hosts() {
        let result = check(host.example, rules, item, &schema);
        assert!(!result.starts_with("error") && result != "false", "{}: {result}", host.example);
    }
}
