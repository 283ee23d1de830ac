//! An estate of mixed kinds: a number enters, the records that make it known leave.
//!
//! Of eight resources four come by AWS Config snapshots (security groups with five rules,
//! interfaces, buckets, roles), four by CloudTrail calls (instances with an interface, users,
//! keys).

use super::{Call, Dice, record};

/// Resources in a round of [`records`]: one more for an instance's interface.
pub const ROUND: u64 = 9;

/// The records of `rounds` rounds, each given to `take`; never all in memory.
pub fn records(rounds: u64, take: &mut dyn FnMut(&str)) {
    let mut dice = Dice::new(7);
    for number in 0..rounds {
        take(&snapshot(number));
        for (source, name, request, response) in calls(number) {
            let call = Call {
                // Keeps the whole estate within one day of events.
                number: number * 4,
                source,
                name,
                request: &request,
                response: &response,
                more: "",
                read_only: false,
                management: true,
            };
            take(&record(&mut dice, &call));
        }
    }
}

type Called = (&'static str, &'static str, String, String);

fn calls(number: u64) -> [Called; 4] {
    let (ec2, iam) = ("ec2.amazonaws.com", "iam.amazonaws.com");
    let run = format!(
        r#"{{"instancesSet":{{"items":[{{"instanceId":"i-{number:017x}","imageId":"ami-0example","keyName":"mill","subnetId":"subnet-{subnet:017x}","metadataOptions":{{"httpTokens":"required","httpEndpoint":"enabled"}},"networkInterfaceSet":{{"items":[{{"networkInterfaceId":"eni-1{number:016x}","subnetId":"subnet-{subnet:017x}","groupSet":{{"items":[{{"groupId":"sg-{number:017x}"}}]}}}}]}}}}]}}}}"#,
        subnet = number % 50,
    );
    let user = format!(r#"{{"userName":"miller-{number}"}}"#);
    let made = format!(
        r#"{{"user":{{"path":"/","userName":"miller-{number}","arn":"arn:aws:iam::100000000001:user/miller-{number}"}}}}"#
    );
    let key = format!(
        r#"{{"accessKey":{{"userName":"miller-{number}","accessKeyId":"AKIAEXAMPLE{number:09}","status":"Active"}}}}"#
    );
    let group = format!(
        r#"{{"groupName":"late-{number}","groupDescription":"late","vpcId":"vpc-0example"}}"#
    );
    let grouped = format!(r#"{{"_return":true,"groupId":"sg-1{number:016x}"}}"#);
    [
        (ec2, "RunInstances", r#"{"disableApiTermination":false}"#.into(), run),
        (iam, "CreateUser", user.clone(), made),
        (iam, "CreateAccessKey", user, key),
        (ec2, "CreateSecurityGroup", group, grouped),
    ]
}

fn snapshot(number: u64) -> String {
    let permissions: Vec<String> = (0..5)
        .map(|rule| {
            format!(
                r#"{{"fromPort":{port},"toPort":{port},"ipProtocol":"tcp","ipv6Ranges":[],"prefixListIds":[],"userIdGroupPairs":[],"ipv4Ranges":[{{"cidrIp":"10.{block}.0.0/16"}}]}}"#,
                port = 8_000 + rule,
                block = (number + rule) % 250,
            )
        })
        .collect();
    let trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";
    let items = [
        (
            "AWS::EC2::SecurityGroup",
            format!("sg-{number:017x}"),
            format!(
                r#"{{"groupId":"sg-{number:017x}","groupName":"mill-{number}","vpcId":"vpc-0example","ipPermissions":[{}],"ipPermissionsEgress":[]}}"#,
                permissions.join(",")
            ),
        ),
        (
            "AWS::EC2::NetworkInterface",
            format!("eni-{number:017x}"),
            format!(
                r#"{{"networkInterfaceId":"eni-{number:017x}","subnetId":"subnet-0example","requesterManaged":false,"attachment":{{"instanceId":"i-{number:017x}"}},"groups":[{{"groupId":"sg-{number:017x}","groupName":"mill"}}]}}"#
            ),
        ),
        (
            "AWS::S3::Bucket",
            format!("records-{number}"),
            format!(r#"{{"name":"records-{number}","owner":{{"id":"example"}}}}"#),
        ),
        (
            "AWS::IAM::Role",
            format!("mill-{number}"),
            format!(
                r#"{{"roleName":"mill-{number}","path":"/","assumeRolePolicyDocument":"{trust}","attachedManagedPolicies":[{{"policyName":"ReadOnlyAccess","policyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}],"rolePolicyList":[],"instanceProfileList":[]}}"#
            ),
        ),
    ];
    let account = 100_000_000_000 + number % 20;
    let items: Vec<String> = items
        .iter()
        .map(|(kind, id, configuration)| {
            format!(
                r#"{{"configurationItemVersion":"1.3","configurationItemCaptureTime":"2026-02-28T23:00:00.000Z","configurationItemStatus":"OK","configurationStateId":"1","awsAccountId":"{account}","awsRegion":"eu-central-1","resourceType":"{kind}","resourceId":"{id}","resourceName":"{id}","tags":{{"team":"mill"}},"relationships":[],"configuration":{configuration},"supplementaryConfiguration":{{"PublicAccessBlockConfiguration":{{"blockPublicAcls":true,"ignorePublicAcls":true,"blockPublicPolicy":true,"restrictPublicBuckets":true}}}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"fileVersion":"1.0","configSnapshotId":"example-{number}","configurationItems":[{}]}}"#,
        items.join(",")
    )
}
