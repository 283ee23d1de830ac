//! Which condition blocks keep strangers out: a table of blocks, verdicts and where each verdict
//! is documented.

use super::{ask, conditional, judge};

const PUBLIC: &str =
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html";
const OPERATORS: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html";
const KEYS: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html";
const KMS: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html";
const REFERER: &str =
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html";
const HUAWEI: &str = "https://support.huaweicloud.com/intl/en-us/usermanual-iam5/iam_01_1287.html";
const OBS: &str = "https://support.huaweicloud.com/intl/en-us/perms-cfg-obs/obs_40_0041.html";

/// Block, whether it keeps strangers out, source.
const CASES: &[(&str, bool, &str)] = &[
    // Addresses: /8 and /32 are the broadest that count as few.
    (r#"{"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}"#, true, PUBLIC),
    (r#"{"IpAddress": {"aws:SourceIp": "54.0.0.0/8"}}"#, true, PUBLIC),
    (r#"{"IpAddress": {"aws:SourceIp": "54.0.0.0/7"}}"#, false, PUBLIC),
    (r#"{"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}"#, false, PUBLIC),
    (r#"{"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#, false, PUBLIC),
    (r#"{"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}"#, true, PUBLIC),
    (r#"{"IpAddress": {"aws:SourceIp": "2000::/3"}}"#, false, PUBLIC),
    (r#"{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/0"]}}"#, false, PUBLIC),
    (r#"{"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}"#, false, OPERATORS),
    // A request through an endpoint of any network carries no `aws:SourceIp`.
    (r#"{"IpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}}"#, false, KEYS),
    // Private addresses repeat in every network.
    (r#"{"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/16"}}"#, false, KEYS),
    (
        r#"{"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/16"}, "StringEquals": {"aws:SourceVpc": "vpc-1"}}"#,
        true,
        KEYS,
    ),
    // Fixed values, wildcards, variables.
    (r#"{"StringEquals": {"aws:SourceVpce": "vpce-1"}}"#, true, PUBLIC),
    (r#"{"stringequals": {"AWS:sourcevpce": ["vpce-1", "vpce-2"]}}"#, true, PUBLIC),
    (r#"{"StringLike": {"aws:SourceVpce": "vpce-*"}}"#, false, PUBLIC),
    (r#"{"StringLike": {"aws:SourceVpce": "vpce-?"}}"#, false, PUBLIC),
    (r#"{"StringEquals": {"aws:SourceVpce": "${aws:SourceVpce}"}}"#, false, PUBLIC),
    (r#"{"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}"#, false, OPERATORS),
    (r#"{"StringEquals": {"aws:PrincipalOrgID": "o-1"}}"#, true, PUBLIC),
    (r#"{"StringEquals": {"aws:SourceAccount": "123456789012"}}"#, true, PUBLIC),
    (r#"{"StringEquals": {"aws:userid": "AIDAEXAMPLE"}}"#, true, PUBLIC),
    (r#"{"StringLike": {"aws:userid": "AROAEXAMPLE:*"}}"#, false, PUBLIC),
    (r#"{"StringEquals": {"s3:DataAccessPointAccount": "123456789012"}}"#, true, PUBLIC),
    (
        r#"{"ArnLike": {"s3:DataAccessPointArn": "arn:aws:s3:eu-west-1:123456789012:accesspoint/*"}}"#,
        true,
        PUBLIC,
    ),
    (r#"{"ArnLike": {"s3:DataAccessPointArn": "arn:aws:s3:*:*:accesspoint/*"}}"#, false, PUBLIC),
    (r#"{"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"}}"#, true, PUBLIC),
    (r#"{"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::my-bucket"}}"#, true, PUBLIC),
    (r#"{"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}"#, false, PUBLIC),
    (r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}}"#, true, KEYS),
    (r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}"#, false, KEYS),
    (r#"{"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/*"}}"#, true, KEYS),
    (r#"{"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "*/r-1/*"}}"#, false, KEYS),
    // A request that lacks the key satisfies these, unless the key is demanded.
    (r#"{"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}"#, false, OPERATORS),
    (
        r#"{"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}, "Null": {"aws:PrincipalOrgID": "false"}}"#,
        true,
        OPERATORS,
    ),
    (
        r#"{"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}, "Null": {"aws:PrincipalOrgID": "true"}}"#,
        false,
        OPERATORS,
    ),
    (
        r#"{"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}, "Null": {"aws:SourceVpc": "false"}}"#,
        false,
        OPERATORS,
    ),
    (r#"{"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/"}}"#, false, OPERATORS),
    (
        r#"{"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/"}, "Null": {"aws:PrincipalOrgPaths": false}}"#,
        true,
        OPERATORS,
    ),
    (r#"{"Null": {"aws:PrincipalOrgID": "false"}}"#, false, OPERATORS),
    // Anybody can set or have these.
    (r#"{"StringLike": {"aws:Referer": "https://example.com/*"}}"#, false, REFERER),
    (r#"{"StringEquals": {"aws:PrincipalTag/team": "a"}}"#, false, KEYS),
    (r#"{"StringEquals": {"aws:username": "admin"}}"#, false, KEYS),
    (r#"{"Bool": {"aws:SecureTransport": "true"}}"#, false, PUBLIC),
    (r#"{"Bool": {"aws:MultiFactorAuthPresent": "true"}}"#, false, KEYS),
    (r#"{"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}"#, false, PUBLIC),
    (r#"{"DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}"#, false, PUBLIC),
    // KMS: through a service comes anybody; the caller's account ties.
    (r#"{"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}"#, false, KMS),
    (
        r#"{"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com", "kms:CallerAccount": "123456789012"}}"#,
        true,
        KMS,
    ),
    (r#"{"StringEquals": {"kms:CallerAccount": "123456789012"}}"#, true, KMS),
    // Huawei Cloud: OBS without a prefix, IAM with `g:`.
    (r#"{"IpAddress": {"SourceIp": "203.0.113.0/24"}}"#, true, OBS),
    (r#"{"IpAddress": {"SourceIp": "0.0.0.0/0"}}"#, false, OBS),
    (r#"{"StringEquals": {"g:SourceVpce": "vpce-1"}}"#, true, HUAWEI),
    (r#"{"StringEquals": {"g:PrincipalOrgId": "o-1"}}"#, true, HUAWEI),
    (r#"{"StringMatch": {"g:PrincipalOrgId": "o-*"}}"#, false, HUAWEI),
    (
        r#"{"StringEquals": {"g:PrincipalAccount": "0123456789abcdef0123456789abcdef"}}"#,
        true,
        HUAWEI,
    ),
    (r#"{"StringEquals": {"g:DomainId": "0123456789abcdef0123456789abcdef"}}"#, true, HUAWEI),
    (
        r#"{"StringMatch": {"g:PrincipalUrn": "iam::0123456789abcdef0123456789abcdef:user:*"}}"#,
        true,
        HUAWEI,
    ),
    (r#"{"StringMatch": {"g:PrincipalUrn": "iam::*:user:admin"}}"#, false, HUAWEI),
    (r#"{"StringEquals": {"g:MFAPresent": "true"}}"#, false, HUAWEI),
    // The key of a service that says something else.
    (r#"{"StringEquals": {"custom:SourceVpc": "vpc-1"}}"#, false, KEYS),
    ("{}", false, PUBLIC),
];

#[test]
fn a_condition_restricts_where_it_ties_to_something_fixed() {
    for (block, restricts, source) in CASES {
        let found = ask("iam.restricts", block, "[]");
        assert_eq!(found, restricts.to_string(), "{block}, see {source}");
        let public = judge("iam.public", &conditional(block), "[]");
        assert_eq!(public, (!restricts).to_string(), "{block}, see {source}");
    }
}

#[test]
fn a_condition_that_is_not_known_leaves_the_answer_open() {
    for block in [r#""?""#, "[]", r#"{"StringEquals": "x"}"#] {
        assert_eq!(ask("iam.restricts", block, "[]"), "unknown", "{block}");
    }
}
