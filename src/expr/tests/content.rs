//! Every expression of the six worked cases compiles in its scope, and the posture and derived
//! ones give what the case wants.

#![expect(clippy::unnecessary_wraps, reason = "the signature of host functions")]

use std::cell::Cell;

use bumpalo::Bump;

use crate::expr::api::{Call, EvalError, Host, HostFn, Param, Scope};
use crate::expr::net;
use crate::expr::program::Functions;
use crate::model::{PortRange, PortSet, Rec, Schema, Seq, Type, Val};

use super::{Cloud, call_with, compiled, schema, scope_of, vars, written};

const fn stub(
    name: &'static str,
    params: &'static [Param],
    returns: &'static str,
    call: HostFn,
) -> Host {
    Host { name, params, returns, lenient: false, doc: "", example: "", source: "", call }
}

const ANY: Param = Param { name: "x", ty: "dyn", optional: false };
const WORD: Param = Param { name: "word", ty: "enum", optional: false };
const OPTIONS: Param = Param { name: "options", ty: "map<dyn>", optional: true };
const STATEMENTS: Param = Param { name: "statements", ty: "list<statement>", optional: false };

/// Stands for the clouds' own functions: signatures as content uses them.
const CLOUDS: &[Host] = &[
    stub("aws.ports", &[ANY], "ports", nothing),
    stub("aws.permissions", &[ANY], "list<dyn>", nothing),
    stub("aws.rule", &[ANY, WORD], "network_rule", nothing),
    stub("aws.acl", &[ANY], "list<principal>", nothing),
    stub("iam.statements", &[ANY], "list<statement>", nothing),
    stub("iam.public_actions", &[STATEMENTS], "list<string>", actions),
    stub("iam.admin", &[STATEMENTS], "bool", admin),
    stub("s3.reads", &[Param { ty: "string", ..ANY }], "bool", reads),
    stub("azure.parent", &[ANY], "string", nothing),
    stub("azure.leaf", &[ANY], "string", nothing),
    stub("gcp.direction", &[ANY], "enum", nothing),
    stub("gcp.peers", &[ANY, ANY, ANY, OPTIONS], "list<peer>", nothing),
    stub("gcp.cidrs", &[ANY], "list<peer>", nothing),
    stub("gcp.ports", &[ANY], "list<proto_ports>", nothing),
];

fn nothing<'a>(_: &Call<'a, '_>, _: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Unsaid)
}

fn reads<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Bool(args.first().and_then(Val::as_str) == Some("s3:GetObject")))
}

fn actions<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let Some(Val::List(statements)) = args.first() else { return Ok(Val::Unsaid) };
    Ok(statements.items.first().map_or(Val::list(&[]), |first| first.get("actions")))
}

fn admin<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let items = args.first().and_then(Val::items).unwrap_or(&[]);
    let all = |item: &Val<'a>| {
        let actions = item.get("actions");
        actions.items().is_some_and(|actions| actions.iter().any(|a| a.as_str() == Some("*")))
    };
    Ok(Val::Bool(items.iter().any(all)))
}

fn mapping(schema: &Schema) -> Scope<'_> {
    let given = vars(&[
        ("event.name", Type::String),
        ("event.resource_name", Type::String),
        ("request", Type::Dyn),
        ("response", Type::Dyn),
        ("resource_id", Type::String),
        ("account", Type::String),
        ("detail", Type::Dyn),
        ("resource", Type::Dyn),
        ("configuration", Type::Dyn),
        ("configurationItemCaptureTime", Type::Dyn),
        ("resourceId", Type::Dyn),
        ("resourceDetails", Type::Dyn),
    ]);
    Scope { schema, vars: given, kind: None, expect: None }
}

/// Functions of the mappings: head and body.
const DEFINED: [(&str, &[&str], &str); 6] = [
    (
        "rule",
        &["r"],
        "network_rule{direction: r.direction, action: r.action, protocol: net.protocol(r.protocol),
      ports: first(net.ports(r.multiport), net.range(r.port_range_min, r.port_range_max, {zero: all})),
      peers: net.list(first(net.cidr(r.remote_ip_prefix), net.group(r.remote_group_id),
                            net.addresses(r.remote_address_group_id))),
      priority: r.priority, enabled: r.enabled}",
    ),
    (
        "told",
        &["r"],
        "network_rule{direction: r.isEgress ? egress : ingress, protocol: net.protocol(r.ipProtocol),
      ports: aws.ports(r), peers: net.list(first(net.cidr(r.cidrIpv4), net.cidr(r.cidrIpv6),
      net.group(r.referencedGroupInfo.groupId), net.prefix_list(r.prefixListId)))}",
    ),
    (
        "asked",
        &["p"],
        "network_rule{direction: event.name.endsWith(\"Egress\") ? egress : ingress,
      protocol: net.protocol(p.ipProtocol), ports: aws.ports(p), peers: [p.peer]}",
    ),
    (
        "modified",
        &["m"],
        "network_rule{protocol: net.protocol(m.IpProtocol), ports: net.range(m.FromPort, m.ToPort),
      peers: net.list(first(net.cidr(m.CidrIpv4), net.cidr(m.CidrIpv6), net.group(m.ReferencedGroupId)))}",
    ),
    (
        "block",
        &["c"],
        "s3_block{block_acls: c.BlockPublicAcls, ignore_acls: c.IgnorePublicAcls, \
         block_policy: c.BlockPublicPolicy, restrict_policy: c.RestrictPublicBuckets}",
    ),
    ("same", &["c"], "block(c)"),
];

/// What mappings write, beside plain paths.
const MAPPED: [&str; 40] = [
    "first(response.security_group_rules, response.security_group_rule, request.security_group_rule)",
    "first(response.security_group_rules[0].security_group_id, \
     response.security_group_rule.security_group_id, request.security_group_rule.security_group_id)",
    "first(response.security_group_rules, list(response.security_group_rule), \
     list(request.security_group_rule))",
    "rule(request.security_group_rule)",
    "resource_id",
    "detail.event_type == \"DELETE\"",
    "detail.capture_time",
    "resource.properties.security_group_rules",
    "first(request.groupId, response.securityGroupRuleSet.items[0].groupId)",
    "response.securityGroupRuleSet.items",
    "!has(response.securityGroupRuleSet)",
    "aws.permissions(request)",
    "asked(aws.permissions(request)[0])",
    "told(response.securityGroupRuleSet.items[0])",
    "request.securityGroupRuleIds.items[0].securityGroupRuleId",
    "list(request.ModifySecurityGroupRulesRequest.SecurityGroupRule)",
    "modified(request.ModifySecurityGroupRulesRequest.SecurityGroupRule)",
    "network_rule{direction: egress}",
    "aws.rule(request, ingress)",
    "aws.permissions(configuration.ipPermissionsEgress)",
    "iam.statements(request.bucketPolicy)",
    "[]",
    "block(request.PublicAccessBlockConfiguration)",
    "block({})",
    "aws.acl(request)",
    "account",
    "document{name: response.policyVersion.versionId, \
     statements: iam.statements(request.policyDocument)}",
    "request.setAsDefault ? response.policyVersion.versionId : unsaid",
    "'user/' + request.userName",
    "'group/' + request.groupName",
    "binding{interface: request.networkInterfaceId}",
    "azure.parent(resource_id)",
    "first(response.properties, request.properties)",
    "rule(first(response.properties, request.properties))",
    "azure.leaf(resource_id)",
    "lower(resourceDetails.id)",
    "first(request.alloweds, request.denieds)",
    "gcp.direction(request.direction)",
    "gcp.peers(request.sourceRanges, request.sourceTags, request.sourceServiceAccounts, \
     {neither: any})",
    "gcp.ports(request.alloweds)",
];

#[test]
fn every_expression_of_the_mappings_compiles() {
    let schema = schema();
    let scope = mapping(&schema);
    let mut functions = Functions::new(&[net::HOSTS, CLOUDS]);
    for (name, params, body) in DEFINED {
        functions.define(name, params, body, &scope).expect(name);
    }
    for source in MAPPED {
        compiled(source, &scope, &functions);
    }
}

#[test]
fn a_mapped_rule_leaves_unsaid_what_the_event_does_not_carry() {
    let schema = schema();
    let scope = mapping(&schema);
    let mut functions = Functions::new(&[net::HOSTS, CLOUDS]);
    for (name, params, body) in DEFINED {
        functions.define(name, params, body, &scope).expect(name);
    }
    let program = compiled("rule(request.security_group_rule)", &scope, &functions);
    let rule = Val::Map(&[
        ("direction", Val::Str("ingress")),
        ("protocol", Val::Str("tcp")),
        ("multiport", Val::Str("22")),
        ("remote_ip_prefix", Val::Str("1.2.3.4/0")),
    ]);
    let request: &[(&str, Val<'_>)] = &[("security_group_rule", rule)];
    let mut values = [Val::Unsaid; 12];
    values[2] = Val::Map(request);
    let (arena, fuel, world) = (Bump::new(), Cell::new(1_000), Cloud::default());
    let call = call_with(&arena, &schema, &world, &fuel);
    assert_eq!(
        written(program.eval(&values, &call)),
        "('ingress', unsaid, 'tcp', <22>, ['0.0.0.0/0'], unsaid, unsaid)"
    );
}

/// Kind, expression, expected type.
const DERIVED: [(&str, &str, &str); 16] = [
    ("network.security_group", "net.open(rules, ingress)", "ports"),
    (
        "storage.bucket",
        "(block.restrict_policy || account.s3_block.restrict_policy) ? [] : \
         iam.public_actions(statements)",
        "list<string>",
    ),
    (
        "storage.bucket",
        "grants.exists(g, g.everyone) && !(block.ignore_acls || account.s3_block.ignore_acls)",
        "bool",
    ),
    ("storage.bucket", "public_acl || public_policy.exists(a, s3.reads(a))", "bool"),
    ("identity.policy", "versions[default_version].statements", "list<statement>"),
    ("identity.policy", "iam.admin(statements)", "bool"),
    (
        "identity.group",
        "policies.exists(p, p.admin) || inline.exists(i, iam.admin(i.statements))",
        "bool",
    ),
    (
        "identity.user",
        "policies.exists(p, p.admin) || inline.exists(i, iam.admin(i.statements)) || \
         groups.exists(g, g.admin)",
        "bool",
    ),
    (
        "network.route_table",
        "routes.exists(r, r.destination.is_any() && r.target.startsWith('igw-'))",
        "bool",
    ),
    ("network.subnet", "tables.exists(t, t.internet)", "bool"),
    (
        "network.interface",
        "(own_ip != none || addresses.size() > 0) && subnet.internet ? \
         net.union(groups.map(g, g.world)) : net.nothing()",
        "ports",
    ),
    ("compute.instance", "net.union(interfaces.map(i, i.exposed))", "ports"),
    ("compute.instance", "exposed.intersects(net.ports(\"22,3389,5985-5986\"))", "bool"),
    ("compute.instance", "exposed.size()", "int"),
    (
        "network.firewall_rule",
        "allowed.map(a, network_rule{direction: direction, action: allow, protocol: a.protocol, \
         ports: a.ports, peers: sources, priority: priority, enabled: !disabled}) + \
         denied.map(d, network_rule{direction: direction, action: deny, protocol: d.protocol, \
         ports: d.ports, peers: sources, priority: priority, enabled: !disabled})",
        "list<network_rule>",
    ),
    ("identity.user", "admin", "bool"),
];

#[test]
fn every_derived_and_posture_expression_compiles_to_its_type() {
    let schema = schema();
    let functions = Functions::new(&[net::HOSTS, CLOUDS]);
    for (kind, source, ty) in DERIVED {
        let program = compiled(source, &scope_of(&schema, kind), &functions);
        let written = crate::expr::types::describe(program.ty(), &schema);
        assert_eq!(written, ty, "{source}");
    }
}

/// Evaluates for one resource of a cloud.
fn judge<'a>(
    source: &str,
    kind: &str,
    own: Val<'a>,
    cloud: &Cloud<'a>,
    schema: &'a Schema,
    arena: &'a Bump,
) -> String {
    let functions = Functions::new(&[net::HOSTS, CLOUDS]);
    let program = compiled(source, &scope_of(schema, kind), &functions);
    let fuel = Cell::new(10_000);
    // The program outlives the evaluation only in the product; here it is lent to the arena.
    let program = arena.alloc(program);
    let call = call_with(arena, schema, cloud, &fuel);
    written(program.eval(&[own], &call))
}

fn record<'a>(
    schema: &'a Schema,
    arena: &'a Bump,
    name: &str,
    fields: &[(&str, Val<'a>)],
) -> Val<'a> {
    let ty = schema.record_named(name).expect("declared");
    let values = arena.alloc_slice_fill_copy(ty.fields.len(), Val::Unsaid);
    for (name, value) in fields {
        values[ty.field(name).expect("a field")] = *value;
    }
    Val::Record(Rec { ty, fields: values })
}

fn list<'a>(arena: &'a Bump, items: &[Val<'a>]) -> Val<'a> {
    Val::list(arena.alloc_slice_copy(items))
}

#[test]
fn a_detector_judges_the_element_among_the_rules() {
    let (schema, arena) = (schema(), Bump::new());
    let mut scope = scope_of(&schema, "network.security_group");
    let own = scope.vars[0].ty.clone();
    scope.expect = Some(Type::Bool);
    scope.vars.extend(vars(&[
        ("item", Type::Record(schema.record_names["network_rule"])),
        ("before", own),
        ("params.allowed_ports", Type::Ports),
    ]));
    let functions = Functions::new(&[net::HOSTS, CLOUDS]);
    let peers = list(&arena, &[Val::Str("0.0.0.0/0")]);
    let fields = [("direction", Val::Str("ingress")), ("peers", peers)];
    let item = record(&schema, &arena, "network_rule", &fields);
    let mut cloud = Cloud::default();
    let facets = [("rules", list(&arena, &[item]))];
    let group = cloud.add(&schema, "network.security_group", "sg", &facets);
    let ssh = Val::Ports(PortSet { ranges: &[PortRange { first: 22, last: 22 }], whole: true });
    for (source, expected) in [
        ("net.opens(item, rules, tcp, 22)", "true"),
        ("net.opens(item, rules, tcp, 22) && !params.allowed_ports.contains(22)", "false"),
        ("item.direction == ingress && item.action != deny", "true"),
        ("before.rules == rules && before == self", "true"),
        ("before.world.intersects(net.ports('22')) || item in rules", "true"),
    ] {
        let program = arena.alloc(compiled(source, &scope, &functions));
        let fuel = Cell::new(10_000);
        let call = call_with(&arena, &schema, &cloud, &fuel);
        assert_eq!(written(program.eval(&[group, item, group, ssh], &call)), expected, "{source}");
    }
}

#[test]
fn a_bucket_is_public_where_its_policy_is_and_no_block_holds() {
    const POLICY: &str = DERIVED[1].1;
    let (schema, arena) = (schema(), Bump::new());
    let block = |on| record(&schema, &arena, "s3_block", &[("restrict_policy", Val::Bool(on))]);
    let actions = list(&arena, &[Val::Str("s3:GetObject")]);
    let statements = list(&arena, &[record(&schema, &arena, "statement", &[("actions", actions)])]);
    for (own, account, expected) in [
        (block(true), Val::Unknown, "[]"),
        (Val::Unknown, block(true), "[]"),
        (block(false), block(false), "['s3:GetObject']"),
        (block(false), Val::Unknown, "unknown"),
        (Val::None, Val::None, "['s3:GetObject']"),
    ] {
        let mut cloud = Cloud::default();
        let settings = cloud.add(&schema, "account.settings", "1", &[("s3_block", account)]);
        let facets = [("block", own), ("account", settings), ("statements", statements)];
        let bucket = cloud.add(&schema, "storage.bucket", "b", &facets);
        let result = judge(POLICY, "storage.bucket", bucket, &cloud, &schema, &arena);
        assert_eq!(result, expected, "{own:?} {account:?}");
    }
}

#[test]
fn a_policy_speaks_by_its_default_version() {
    const STATEMENTS: &str = "iam.admin(versions[default_version].statements)";
    let (schema, arena) = (schema(), Bump::new());
    let version = |name, action| {
        let actions = list(&arena, &[Val::Str(action)]);
        let statement = record(&schema, &arena, "statement", &[("actions", actions)]);
        let fields = [("name", Val::Str(name)), ("statements", list(&arena, &[statement]))];
        record(&schema, &arena, "document", &fields)
    };
    let both = arena.alloc_slice_copy(&[version("v1", "*"), version("v2", "s3:Get*")]);
    for (default, whole, expected) in [
        (Val::Str("v1"), true, "true"),
        (Val::Str("v2"), true, "false"),
        (Val::Str("v3"), true, "unsaid"),
        (Val::Str("v3"), false, "unknown"),
        (Val::Unknown, true, "unknown"),
    ] {
        let mut cloud = Cloud::default();
        let versions = Val::List(Seq { items: both, whole });
        let facets = [("versions", versions), ("default_version", default)];
        let policy = cloud.add(&schema, "identity.policy", "p", &facets);
        let result = judge(STATEMENTS, "identity.policy", policy, &cloud, &schema, &arena);
        assert_eq!(result, expected, "{default:?} {whole}");
    }
}

#[test]
fn an_instance_is_exposed_through_interface_subnet_and_group() {
    const EXPOSED: &str = DERIVED[10].1;
    let (schema, arena) = (schema(), Bump::new());
    let ssh = Val::Ports(PortSet { ranges: &[PortRange { first: 22, last: 22 }], whole: true });
    for (address, internet, assumed, expected) in [
        (Val::Str("1.2.3.4"), Val::Bool(true), Val::Unknown, "<22>"),
        (Val::Str("1.2.3.4"), Val::Bool(false), Val::Unknown, "<none>"),
        (Val::None, Val::Bool(true), Val::Unknown, "<none>"),
        (Val::Str("1.2.3.4"), Val::Unknown, Val::Unknown, "unknown"),
        (Val::Str("1.2.3.4"), Val::Unknown, Val::Bool(true), "<22>"),
    ] {
        let mut cloud = Cloud::default();
        let group = cloud.add(&schema, "network.security_group", "sg", &[("world", ssh)]);
        let subnet = match internet {
            Val::Unknown => Val::Unknown,
            known => cloud.add(&schema, "network.subnet", "sn", &[("internet", known)]),
        };
        cloud.assume(&schema, "network.subnet", "internet", assumed);
        let facets = [
            ("own_ip", address),
            ("addresses", Val::list(&[])),
            ("subnet", subnet),
            ("groups", list(&arena, &[group])),
        ];
        let interface = cloud.add(&schema, "network.interface", "eni", &facets);
        let result = judge(EXPOSED, "network.interface", interface, &cloud, &schema, &arena);
        assert_eq!(result, expected, "{address:?} {internet:?} {assumed:?}");
    }
}

#[test]
fn resources_are_compared_by_id() {
    let (schema, arena) = (schema(), Bump::new());
    let mut cloud = Cloud::default();
    let one = cloud.add(&schema, "network.subnet", "sn-1", &[]);
    let again = cloud.add(&schema, "network.subnet", "sn-1", &[]);
    let other = cloud.add(&schema, "network.subnet", "sn-2", &[]);
    let facets = [("subnets", list(&arena, &[one, again, other]))];
    let table = cloud.add(&schema, "network.route_table", "rtb", &facets);
    for (source, expected) in [
        ("subnets[0] == subnets[1]", "true"),
        ("subnets[0] == subnets[2]", "false"),
        ("subnets[2].id == 'sn-2' && self.id == 'rtb'", "true"),
        ("'sn-2' in subnets && !('sn-3' in subnets)", "true"),
        ("subnets.map(s, s.id)", "['sn-1', 'sn-1', 'sn-2']"),
        ("subnets[0].internet", "unknown"),
    ] {
        let result = judge(source, "network.route_table", table, &cloud, &schema, &arena);
        assert_eq!(result, expected, "{source}");
    }
}
