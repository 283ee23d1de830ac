//! Parts of AWS requests, responses and Config items go in; rules, grantees and names come out.

mod acl;
mod rules;

use super::make::{Answer, arg, member, optional, param, row, several};
use crate::expr::api::{Call, Host};
use crate::model::Val;

const PERMISSION: &str =
    "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html";
const ARN: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html";

/// Functions on AWS's shapes.
pub(super) const HOSTS: &[Host] = &[
    row(
        "aws.ports",
        &[param("permission", "dyn")],
        "ports",
        "The ports of a permission: all where its protocol has none or no range is said, none of ICMP.",
        r#"aws.ports({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22}) == net.ports("22")"#,
        PERMISSION,
        rules::ports,
    ),
    row(
        "aws.permissions",
        &[param("from", "dyn")],
        "list<dyn>",
        "Flattens a request, a list of permissions or the flat form into maps {ipProtocol, fromPort, toPort, peer}, one per peer.",
        r#"aws.permissions({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIp": "0.0.0.0/0"})[0].peer == "0.0.0.0/0""#,
        PERMISSION,
        rules::permissions,
    ),
    row(
        "aws.rule",
        &[param("permission", "dyn"), param("direction", "enum")],
        "network_rule",
        "The rule that a map of aws.permissions stands for; security groups only allow.",
        r#"aws.rule({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "peer": "0.0.0.0/0"}, ingress).ports == net.ports("22")"#,
        PERMISSION,
        rules::rule,
    ),
    row(
        "aws.acl",
        &[param("request", "dyn")],
        "list<principal>",
        "Grantees of an access list in any of its forms: body, canned, grant headers, Config; unknown where it has none of them.",
        r#"aws.acl({"x-amz-acl": ["public-read"]}) == ["*"]"#,
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html",
        acl::acl,
    ),
    row(
        "aws.account",
        &[param("arn", "string")],
        "string",
        "The account of an ARN; unsaid where it names none.",
        r#"aws.account("arn:aws:iam::123456789012:role/r") == "123456789012""#,
        ARN,
        account,
    ),
    row(
        "aws.arn_name",
        &[param("arn", "string")],
        "string",
        "The last part of an ARN, after its last slash or colon; text that is no ARN is its own name.",
        r#"aws.arn_name("arn:aws:iam::123456789012:role/path/r") == "r""#,
        ARN,
        arn_name,
    ),
    row(
        "aws.items",
        &[param("value", "dyn")],
        "list<dyn>",
        "What may be `{items: [..]}`, a list or a single object, as a list; unsaid stays unsaid.",
        r#"aws.items({"items": [1, 2]}).size() == 2"#,
        "",
        items,
    ),
    row(
        "aws.attr",
        &[param("list", "dyn"), param("key", "string"), optional("otherwise", "dyn")],
        "dyn",
        "The value of the entry of that key in a list of {key, value} (also Key/Value, name/Name); `otherwise` where there is none.",
        r#"aws.attr([{"key": "access_logs.s3.enabled", "value": "true"}], "access_logs.s3.enabled") == "true""#,
        "",
        attr,
    ),
];

/// The parts of an ARN after `arn`: partition, service, region, account, resource.
fn parts(arn: &str) -> Option<[&str; 5]> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
    let mut next = || parts.next();
    Some([next()?, next()?, next()?, next()?, next()?])
}

fn account<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    call.charge(1)?;
    let Some(arn) = arg(args, 0).as_str() else { return Ok(Val::Unsaid) };
    Ok(match parts(arn) {
        Some([_, _, _, account, _]) if !account.is_empty() => Val::Str(account),
        _ => Val::Unsaid,
    })
}

fn arn_name<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    call.charge(1)?;
    let Some(arn) = arg(args, 0).as_str() else { return Ok(Val::Unsaid) };
    let resource = parts(arn).map_or(arn, |[.., resource]| resource);
    Ok(Val::Str(resource.rsplit(['/', ':']).next().unwrap_or(resource)))
}

fn items<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    match arg(args, 0) {
        absent @ (Val::Unsaid | Val::None | Val::List(_)) => Ok(absent),
        value => Ok(Val::List(several(call, value)?)),
    }
}

fn attr<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let Some(key) = arg(args, 1).as_str() else { return Ok(arg(args, 2)) };
    let entries = several(call, arg(args, 0))?;
    let found = entries
        .items
        .iter()
        .rev()
        .find(|entry| member(**entry, &["key", "Key", "name", "Name"]).as_str() == Some(key));
    if let Some(entry) = found {
        return Ok(member_or_unknown(*entry, &["value", "Value"]));
    }
    let unread = |entry: &Val<'_>| {
        let key = member_or_unknown(*entry, &["key", "Key", "name", "Name"]);
        matches!(key, Val::Unknown)
    };
    if !entries.whole || entries.items.iter().any(unread) {
        return Ok(Val::Unknown);
    }
    Ok(arg(args, 2))
}

/// The first of these members that is there, or unknown where one of them, or the whole, is.
fn member_or_unknown<'a>(value: Val<'a>, names: &[&str]) -> Val<'a> {
    let found = member(value, names);
    let unknown = |name: &&str| matches!(value.get(name), Val::Unknown);
    if matches!(value, Val::Unknown) || (!found.is_present() && names.iter().any(unknown)) {
        return Val::Unknown;
    }
    found
}

#[cfg(test)]
mod tests;
