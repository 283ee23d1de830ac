//! What programs read, through macros' variables and functions too.

use crate::expr::net;
use crate::expr::program::{Functions, Program};
use crate::model::{Schema, Type};

use super::{compiled, schema, scope_of, vars};

/// Chains as `interface.groups>security_group.world`, sorted.
fn written(program: &Program, schema: &Schema) -> Vec<String> {
    let step = |kind, facet| {
        let kind_name = schema.kind(kind).name.rsplit('.').next().unwrap_or("").to_owned();
        format!("{kind_name}.{}", schema.facet(kind, facet).name)
    };
    let chain = |path: &[_]| {
        path.iter().map(|(kind, facet)| step(*kind, *facet)).collect::<Vec<_>>().join(">")
    };
    let mut chains: Vec<_> = program.reads().iter().map(|read| chain(&read.path)).collect();
    chains.sort();
    chains
}

#[test]
fn each_chain_and_each_of_its_beginnings_is_read_once() {
    let schema = schema();
    let functions = Functions::new(&[net::HOSTS]);
    for (kind, source, expected) in [
        ("network.security_group", "net.open(rules, ingress)", &["security_group.rules"][..]),
        (
            "network.interface",
            "groups.exists(g, g.world.empty())",
            &["interface.groups", "interface.groups>security_group.world"],
        ),
        (
            "network.interface",
            "subnet.internet ? net.union(groups.map(g, g.world)) : net.nothing()",
            &[
                "interface.groups",
                "interface.groups>security_group.world",
                "interface.subnet",
                "interface.subnet>subnet.internet",
            ],
        ),
        (
            "compute.instance",
            "interfaces.filter(i, i.own_ip != none).map(i, i.subnet).exists(s, s.tables[0].internet)",
            &[
                "instance.interfaces",
                "instance.interfaces>interface.own_ip",
                "instance.interfaces>interface.subnet",
                "instance.interfaces>interface.subnet>subnet.tables",
                "instance.interfaces>interface.subnet>subnet.tables>route_table.internet",
            ],
        ),
        (
            "network.public_ip",
            "bindings.exists(b, b.interface.own_ip == address) || first(bindings[0].interface).id == 'x'",
            &["public_ip.address", "public_ip.bindings", "public_ip.bindings>interface.own_ip"],
        ),
        (
            "network.subnet",
            "(tables + tables)[0].internet || list(tables)[0].internet || tables[0].subnets[0].internet",
            &[
                "subnet.tables",
                "subnet.tables>route_table.internet",
                "subnet.tables>route_table.subnets",
                "subnet.tables>route_table.subnets>subnet.internet",
            ],
        ),
        (
            "identity.policy",
            "self.id == 'x' && has(self.default_version)",
            &["policy.default_version"],
        ),
    ] {
        let program = compiled(source, &scope_of(&schema, kind), &functions);
        assert_eq!(written(&program, &schema), expected, "{source}");
    }
}

#[test]
fn before_and_after_and_functions_are_followed() {
    let schema = schema();
    let mut scope = scope_of(&schema, "network.security_group");
    let own = scope.vars[0].ty.clone();
    scope.vars.extend(vars(&[("before", own), ("n", Type::Int)]));
    let mut functions = Functions::new(&[net::HOSTS]);
    functions.define("open", &[], "net.open(self.rules, ingress)", &scope).expect("defines");
    let program = compiled("before.world == world && open().size() > n", &scope, &functions);
    assert_eq!(written(&program, &schema), ["security_group.rules", "security_group.world"]);
}

#[test]
fn programs_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Program>();
    shared::<Functions>();
}
