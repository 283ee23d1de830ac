//! Management writes as CloudTrail tells them: a number enters, a record leaves.
//!
//! One in sixteen is of a service that no mapping reads; about one rule in ten opens a port to
//! the world, so that findings are opened and told.

use super::{Call, Dice, number_of, record};

/// Source, name, request, response.
type Written = (&'static str, &'static str, String, String);

pub(super) fn write(dice: &mut Dice, number: u64) -> String {
    let (source, name, request, response) = match dice.below(16) {
        0..3 => authorize(dice),
        3..5 => revoke(dice),
        5 => run(dice),
        6 => terminate(dice),
        7..9 => policy(dice),
        9 => block(dice),
        10..12 => attach(dice),
        12 => user(dice),
        13 => access_key(dice),
        14 => group(dice),
        _ => alarm(dice),
    };
    let (request, response) = (request.as_str(), response.as_str());
    let (more, read_only, management) = ("", false, true);
    record(dice, &Call { number, source, name, request, response, more, read_only, management })
}

fn authorize(dice: &mut Dice) -> Written {
    let (group, rule, port) = (dice.below(500), dice.below(1 << 20), 8_000 + dice.below(400));
    let world = dice.below(10) == 0;
    let cidr = if world { "0.0.0.0/0".into() } else { format!("10.{}.0.0/16", rule % 250) };
    let port = if world { 22 } else { port };
    let request = format!(
        r#"{{"groupId":"sg-{group:017x}","ipPermissions":{{"items":[{{"ipProtocol":"tcp","fromPort":{port},"toPort":{port},"groups":{{}},"ipRanges":{{"items":[{{"cidrIp":"{cidr}"}}]}},"ipv6Ranges":{{}},"prefixListIds":{{}}}}]}}}}"#
    );
    let response = format!(
        r#"{{"requestId":"example","_return":true,"securityGroupRuleSet":{{"items":[{{"groupOwnerId":"100000000001","groupId":"sg-{group:017x}","securityGroupRuleId":"sgr-{rule:017x}","isEgress":false,"ipProtocol":"tcp","fromPort":{port},"toPort":{port},"cidrIpv4":"{cidr}"}}]}}}}"#
    );
    ("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", request, response)
}

fn revoke(dice: &mut Dice) -> Written {
    let (group, rule) = (dice.below(500), dice.below(1 << 20));
    let request = format!(
        r#"{{"groupId":"sg-{group:017x}","ipPermissions":{{}},"securityGroupRuleIds":{{"items":[{{"securityGroupRuleId":"sgr-{rule:017x}"}}]}}}}"#
    );
    let response = r#"{"requestId":"example","_return":true,"unknownIpPermissionSet":{}}"#;
    ("ec2.amazonaws.com", "RevokeSecurityGroupIngress", request, response.into())
}

fn run(dice: &mut Dice) -> Written {
    let (instance, interface, group) = (dice.below(5_000), dice.below(5_000), dice.below(500));
    let request = format!(
        r#"{{"instancesSet":{{"items":[{{"imageId":"ami-0example","minCount":1,"maxCount":1}}]}},"instanceType":"m7g.large","blockDeviceMapping":{{}},"monitoring":{{"enabled":false}},"disableApiTermination":false,"groupSet":{{"items":[{{"groupId":"sg-{group:017x}"}}]}}}}"#
    );
    let response = format!(
        r#"{{"requestId":"example","reservationId":"r-example","ownerId":"100000000001","groupSet":{{}},"instancesSet":{{"items":[{{"instanceId":"i-{instance:017x}","imageId":"ami-0example","instanceState":{{"code":0,"name":"pending"}},"privateDnsName":"ip-10-0-0-9.eu-central-1.compute.internal","keyName":"mill","instanceType":"m7g.large","subnetId":"subnet-{group:017x}","vpcId":"vpc-0example","metadataOptions":{{"state":"pending","httpTokens":"required","httpPutResponseHopLimit":2,"httpEndpoint":"enabled"}},"networkInterfaceSet":{{"items":[{{"networkInterfaceId":"eni-{interface:017x}","subnetId":"subnet-{group:017x}","status":"in-use","privateIpAddress":"10.0.0.9","groupSet":{{"items":[{{"groupId":"sg-{group:017x}","groupName":"mill"}}]}}}}]}}}}]}}}}"#
    );
    ("ec2.amazonaws.com", "RunInstances", request, response)
}

fn terminate(dice: &mut Dice) -> Written {
    let instance = dice.below(5_000);
    let request =
        format!(r#"{{"instancesSet":{{"items":[{{"instanceId":"i-{instance:017x}"}}]}}}}"#);
    let response = format!(
        r#"{{"requestId":"example","instancesSet":{{"items":[{{"instanceId":"i-{instance:017x}","currentState":{{"code":32,"name":"shutting-down"}},"previousState":{{"code":16,"name":"running"}}}}]}}}}"#
    );
    ("ec2.amazonaws.com", "TerminateInstances", request, response)
}

fn policy(dice: &mut Dice) -> Written {
    let (bucket, world) = (dice.below(200), dice.below(10) == 0);
    let who = if world { r#""*""# } else { r#"{"AWS":"arn:aws:iam::100000000002:root"}"# };
    let request = format!(
        r#"{{"bucketName":"records-{bucket}","Host":"records-{bucket}.s3.amazonaws.com","policy":"","bucketPolicy":{{"Version":"2012-10-17","Statement":[{{"Sid":"Read","Effect":"Allow","Principal":{who},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::records-{bucket}","arn:aws:s3:::records-{bucket}/*"]}}]}}}}"#
    );
    ("s3.amazonaws.com", "PutBucketPolicy", request, "null".into())
}

fn block(dice: &mut Dice) -> Written {
    let (bucket, on) = (dice.below(200), dice.below(4) > 0);
    let request = format!(
        r#"{{"bucketName":"records-{bucket}","publicAccessBlock":"","PublicAccessBlockConfiguration":{{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","BlockPublicAcls":{on},"IgnorePublicAcls":{on},"BlockPublicPolicy":{on},"RestrictPublicBuckets":{on}}}}}"#
    );
    ("s3.amazonaws.com", "PutBucketPublicAccessBlock", request, "null".into())
}

fn attach(dice: &mut Dice) -> Written {
    let role = dice.below(400);
    let policy = ["ReadOnlyAccess", "AmazonS3ReadOnlyAccess", "AdministratorAccess"];
    let policy = policy[number_of(dice, 12) % 3];
    let name = ["AttachRolePolicy", "DetachRolePolicy"][number_of(dice, 2)];
    let request =
        format!(r#"{{"roleName":"mill-{role}","policyArn":"arn:aws:iam::aws:policy/{policy}"}}"#);
    ("iam.amazonaws.com", name, request, "null".into())
}

fn user(dice: &mut Dice) -> Written {
    let user = dice.below(400);
    let request = format!(r#"{{"userName":"miller-{user}"}}"#);
    let response = format!(
        r#"{{"user":{{"path":"/","userName":"miller-{user}","userId":"AIDAEXAMPLE{user:08}","arn":"arn:aws:iam::100000000001:user/miller-{user}","createDate":"Mar 1, 2026 8:00:00 AM"}}}}"#
    );
    ("iam.amazonaws.com", "CreateUser", request, response)
}

fn access_key(dice: &mut Dice) -> Written {
    let (user, key) = (dice.below(400), dice.below(1 << 30));
    let request = format!(r#"{{"userName":"miller-{user}"}}"#);
    let response = format!(
        r#"{{"accessKey":{{"userName":"miller-{user}","accessKeyId":"AKIAEXAMPLE{key:09}","status":"Active","createDate":"Mar 1, 2026 8:00:00 AM"}}}}"#
    );
    ("iam.amazonaws.com", "CreateAccessKey", request, response)
}

fn group(dice: &mut Dice) -> Written {
    let group = dice.below(500);
    let request = format!(
        r#"{{"groupName":"mill-{group}","groupDescription":"of the mill","vpcId":"vpc-0example"}}"#
    );
    let response =
        format!(r#"{{"requestId":"example","_return":true,"groupId":"sg-{group:017x}"}}"#);
    ("ec2.amazonaws.com", "CreateSecurityGroup", request, response)
}

fn alarm(dice: &mut Dice) -> Written {
    let alarm = dice.below(100);
    let request = format!(
        r#"{{"alarmName":"mill-{alarm}","metricName":"CPUUtilization","namespace":"AWS/EC2","period":300,"threshold":80.0,"evaluationPeriods":1,"comparisonOperator":"GreaterThanThreshold"}}"#
    );
    ("monitoring.amazonaws.com", "PutMetricAlarm", request, "null".into())
}
