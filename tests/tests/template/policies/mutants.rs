//! Faults seeded into the policies one at a time: some case notices each.

use super::wrong;
use crate::OURS;

/// What is wrong, the text that it replaces, and what it puts there.
type Mutant = (&'static str, &'static str, &'static str);

const TAG: &str = "dynamodb:LeadingKeys: [\"T#${aws:PrincipalTag/tenant}#S#*\"]";
const OWN_ROUTE: &str = "\"T#t_system#ROUTE#${aws:PrincipalTag/tenant}\"";

const MUTANTS: &[Mutant] = &[
    (
        "no word on absent keys",
        "                  \"Null\":\n                    dynamodb:LeadingKeys: \"false\"\n",
        "",
    ),
    ("absent keys asked for", "dynamodb:LeadingKeys: \"false\"", "dynamodb:LeadingKeys: \"true\""),
    ("keys of any tenant", TAG, "dynamodb:LeadingKeys: [\"T#*#S#*\"]"),
    ("all of a tenant's rows", TAG, "dynamodb:LeadingKeys: [\"T#${aws:PrincipalTag/tenant}#*\"]"),
    (
        "writing who may do what",
        "                Action: dynamodb:GetItem\n                Resource: !GetAtt CatalogTable.Arn",
        "                Action: [dynamodb:GetItem, dynamodb:PutItem]\n                Resource: !GetAtt CatalogTable.Arn",
    ),
    ("everybody's routes", OWN_ROUTE, "\"T#t_system#ROUTE#*\""),
    ("whatever the system keeps", OWN_ROUTE, "\"T#t_system#*\""),
    ("a tenant's name as a route's beginning", OWN_ROUTE, "\"T#t_system#ROUTE#${aws:PrincipalTag/tenant}*\""),
    ("no routes", OWN_ROUTE, "\"T#t_system#ROUTE#${aws:PrincipalTag/tenat}\""),
    (
        "routes to write",
        "- Sid: FollowRoutes\n                Effect: Allow\n                Action: dynamodb:GetItem",
        "- Sid: FollowRoutes\n                Effect: Allow\n                Action: [dynamodb:GetItem, dynamodb:PutItem]",
    ),
    (
        "routes to list",
        "- Sid: FollowRoutes\n                Effect: Allow\n                Action: dynamodb:GetItem",
        "- Sid: FollowRoutes\n                Effect: Allow\n                Action: [dynamodb:GetItem, dynamodb:Query]",
    ),
    ("the registry of any tenant", "\"T#${aws:PrincipalTag/tenant}#ROUTES\"", "\"T#t_system#ROUTES\""),
    ("any keys", TAG, "dynamodb:LeadingKeys: [\"*\"]"),
    ("a tenant's name as a beginning", TAG, "dynamodb:LeadingKeys: [\"T#${aws:PrincipalTag/tenant}*#S#*\"]"),
    ("a tenant's name anywhere", TAG, "dynamodb:LeadingKeys: [\"*${aws:PrincipalTag/tenant}#S#*\"]"),
    ("a tag that nobody has", TAG, "dynamodb:LeadingKeys: [\"T#${aws:PrincipalTag/tenat}#S#*\"]"),
    ("the request's tag for the session's", TAG, "dynamodb:LeadingKeys: [\"T#${aws:RequestTag/tenant}#S#*\"]"),
    ("a second pattern", TAG, "dynamodb:LeadingKeys: [\"T#${aws:PrincipalTag/tenant}#S#*\", \"P#*\"]"),
    ("one key of all", "ForAllValues:StringLike:", "ForAnyValue:StringLike:"),
    ("equal for alike", "ForAllValues:StringLike:", "ForAllValues:StringEquals:"),
    ("no keys wanted where there are some", "ForAllValues:StringLike:", "ForAllValues:StringNotLike:"),
    ("a wildcard action", "Action: [dynamodb:GetItem, dynamodb:BatchGetItem]", "Action: [dynamodb:*]"),
    ("half a wildcard action", "Action: [dynamodb:GetItem, dynamodb:BatchGetItem]", "Action: [\"dynamodb:*Item\"]"),
    ("all but one action", "Action: [dynamodb:GetItem, dynamodb:BatchGetItem]", "NotAction: [dynamodb:PutItem]"),
    ("an action too few", "Action: [dynamodb:GetItem, dynamodb:BatchGetItem]", "Action: [dynamodb:GetItem]"),
    (
        "an action too many",
        "                  - dynamodb:DeleteItem\n",
        "                  - dynamodb:DeleteItem\n                  - dynamodb:ConditionCheckItem\n",
    ),
    (
        "PartiQL",
        "                  - dynamodb:DeleteItem\n",
        "                  - dynamodb:DeleteItem\n                  - dynamodb:PartiQLSelect\n",
    ),
    ("a denial", "Sid: ReadStores\n                Effect: Allow", "Sid: ReadStores\n                Effect: Deny"),
    (
        "the index with the table",
        "Resource: !GetAtt CatalogTable.Arn",
        "Resource: [!GetAtt CatalogTable.Arn, !Sub \"${CatalogTable.Arn}/index/pending\"]",
    ),
    (
        "any table",
        "Resource: !GetAtt CatalogTable.Arn",
        "Resource: !Sub \"arn:${AWS::Partition}:dynamodb:*:*:table/*\"",
    ),
    ("every secret of the stage", "secret:smartstore-ai/${Stage}/analytics/*", "secret:smartstore-ai/${Stage}*"),
    ("any function", "function:smartstore-${Stage}-ingest:live", "function:smartstore-${Stage}-*"),
    (
        "everybody's snapshots",
        "${ArtifactBucket.Arn}/${!aws:PrincipalTag/tenant}/sha256/*",
        "${ArtifactBucket.Arn}/*/sha256/*",
    ),
    (
        "a folder's name without its end",
        "${ArtifactBucket.Arn}/${!aws:PrincipalTag/tenant}/sha256/*",
        "${ArtifactBucket.Arn}/${!aws:PrincipalTag/tenant}*",
    ),
    (
        "whatever lies in the folder",
        "${ArtifactBucket.Arn}/${!aws:PrincipalTag/tenant}/sha256/*",
        "${ArtifactBucket.Arn}/${!aws:PrincipalTag/tenant}/*",
    ),
    (
        "everybody's uploads",
        "${ArtifactBucket.Arn}/uploads/${!aws:PrincipalTag/tenant}/*",
        "${ArtifactBucket.Arn}/uploads/*",
    ),
    (
        "an upload's folder without its end",
        "${ArtifactBucket.Arn}/uploads/${!aws:PrincipalTag/tenant}/*",
        "${ArtifactBucket.Arn}/uploads/${!aws:PrincipalTag/tenant}*",
    ),
    (
        "a tag filled in too early",
        "${ArtifactBucket.Arn}/${!aws:PrincipalTag/tenant}/sha256/*",
        "${ArtifactBucket.Arn}/${Stage}/sha256/*",
    ),
    (
        "listing",
        "Action: s3:GetObject\n                Resource: !Sub ${ArtifactBucket.Arn}/${!aws:PrincipalTag/tenant}/sha256/*",
        "Action: [s3:GetObject, s3:ListBucket]\n                Resource: [!GetAtt ArtifactBucket.Arn, !Sub \"${ArtifactBucket.Arn}/${!aws:PrincipalTag/tenant}/sha256/*\"]",
    ),
    (
        "a door without a word on the tag",
        "              StringLike:\n                aws:RequestTag/tenant: \"?*\"\n",
        "",
    ),
    ("a door for an empty tag", "aws:RequestTag/tenant: \"?*\"", "aws:RequestTag/tenant: \"*\""),
    (
        "a door that forgives a missing tag",
        "              StringLike:\n                aws:RequestTag",
        "              StringLikeIfExists:\n                aws:RequestTag",
    ),
    ("a door for any form of tag", "\"*/*\", ", ""),
    ("a door for the folder of uploads", "\"* *\", uploads]", "\"* *\"]"),
    (
        "a door for any second tag",
        "              ForAllValues:StringEquals:\n                aws:TagKeys: [tenant]\n",
        "",
    ),
    (
        "a door for one good tag among others",
        "ForAllValues:StringEquals:\n                aws:TagKeys",
        "ForAnyValue:StringEquals:\n                aws:TagKeys",
    ),
    (
        "a door for the account",
        "AWS: !GetAtt AskRole.Arn",
        "AWS: !Sub \"arn:${AWS::Partition}:iam::${AWS::AccountId}:root\"",
    ),
    ("a door for everybody", "AWS: !GetAtt AskRole.Arn", "AWS: \"*\""),
    ("a second principal", "AWS: !GetAtt AskRole.Arn", "AWS: [!GetAtt AskRole.Arn, !GetAtt CatalogRole.Arn]"),
    ("the wrong principal", "AWS: !GetAtt AskRole.Arn", "AWS: !GetAtt CatalogRole.Arn"),
    (
        "a door without the right to tag",
        "            Action: [sts:AssumeRole, sts:TagSession]\n            Condition",
        "            Action: sts:AssumeRole\n            Condition",
    ),
    ("a function that may take any role", "Resource: !GetAtt AskTenantRole.Arn", "Resource: \"*\""),
    (
        "a function that may take another's role",
        "Resource: !GetAtt AskTenantRole.Arn",
        "Resource: !GetAtt CatalogTenantRole.Arn",
    ),
    (
        "a function that may not tag",
        "Action: [sts:AssumeRole, sts:TagSession]\n            Resource: !GetAtt AskTenantRole.Arn",
        "Action: sts:AssumeRole\n            Resource: !GetAtt AskTenantRole.Arn",
    ),
    ("rights attached to another role", "RoleName: !Ref AskRole", "RoleName: !Ref CatalogRole"),
    (
        "a function with rows of its own",
        "Sid: WriteItsLog\n                Effect: Allow\n                Action: [logs:CreateLogStream, logs:PutLogEvents]",
        "Sid: WriteItsLog\n                Effect: Allow\n                Action: [dynamodb:GetItem]\n                Resource: !GetAtt CatalogTable.Arn\n              - Sid: Log\n                Effect: Allow\n                Action: [logs:CreateLogStream, logs:PutLogEvents]",
    ),
    ("a scan of the table", "Resource: !Sub ${CatalogTable.Arn}/index/pending", "Resource: !GetAtt CatalogTable.Arn"),
    ("a scan of every index", "${CatalogTable.Arn}/index/pending", "${CatalogTable.Arn}/index/*"),
    ("a log for all", "Resource: !GetAtt AskLogs.Arn", "Resource: !Sub \"arn:${AWS::Partition}:logs:*:*:*\""),
    ("any model", "foundation-model/${BedrockModel}", "foundation-model/*"),
    ("a model whoever writes answers", "    Condition: AsksBedrock\n", ""),
    ("a key whoever writes answers", "    Condition: AsksWithKey\n", ""),
    ("a model that streams", "Action: bedrock:InvokeModel", "Action: bedrock:InvokeModel*"),
    (
        "mail from anybody",
        "                ses:FromAddress: !Ref EmailFrom",
        "                ses:FromAddress: \"*@*\"",
    ),
    ("mail as any identity", "identity/${EmailIdentity}", "identity/*"),
    ("mail from stacks that send none", "    Condition: SendsEmail\n", ""),
    ("a secret for stacks that sign nothing", "    Condition: SendsWebhooks\n", ""),
    (
        "reading what was written to be sent",
        "Action: dynamodb:UpdateItem\n",
        "Action: [dynamodb:UpdateItem, dynamodb:GetItem]\n",
    ),
    ("the dead letters of all", "#OUTBOXDEAD\"]", "#OUTBOX*\"]"),
    (
        "leaves that can be changed",
        "Action: [dynamodb:GetItem, dynamodb:Query, dynamodb:PutItem]",
        "Action: [dynamodb:GetItem, dynamodb:Query, dynamodb:PutItem, dynamodb:UpdateItem]",
    ),
    (
        "leaves that can be removed",
        "Action: [dynamodb:GetItem, dynamodb:Query, dynamodb:PutItem]",
        "Action: [dynamodb:GetItem, dynamodb:Query, dynamodb:PutItem, dynamodb:DeleteItem]",
    ),
    (
        "another function that removes leaves",
        "dynamodb:LeadingKeys: [\"T#${aws:PrincipalTag/tenant}#S#*\"]",
        "dynamodb:LeadingKeys: [\"T#${aws:PrincipalTag/tenant}#S#*\", \"T#${aws:PrincipalTag/tenant}#AUDIT\"]",
    ),
    (
        "a counter for all of the log",
        "[\"T#${aws:PrincipalTag/tenant}#AUDITSEQ\"]",
        "[\"T#${aws:PrincipalTag/tenant}#AUDIT*\"]",
    ),
    (
        "a lock that its job may lift",
        "Sid: ExportTree\n                Effect: Allow\n                Action: [s3:GetObject, s3:PutObject]",
        "Sid: ExportTree\n                Effect: Allow\n                Action: [s3:GetObject, s3:PutObject, s3:PutObjectRetention, s3:BypassGovernanceRetention]",
    ),
    (
        "heads that its job may remove",
        "Sid: ExportTree\n                Effect: Allow\n                Action: [s3:GetObject, s3:PutObject]",
        "Sid: ExportTree\n                Effect: Allow\n                Action: [s3:GetObject, s3:PutObject, s3:DeleteObjectVersion]",
    ),
    ("everybody's heads", "${AuditBucket.Arn}/${!aws:PrincipalTag/tenant}/*", "${AuditBucket.Arn}/*"),
    (
        "the key of the logs for all",
        "Resource: !Ref SmartstoreSecret",
        "Resource: [!Ref SmartstoreSecret, !Ref AuditSecret]",
    ),
    ("every secret", "Resource: !Ref SmartstoreSecret", "Resource: \"*\""),
];

#[test]
fn every_fault_seeded_in_the_policies_changes_a_verdict() {
    let mut missed = Vec::new();
    for (name, from, to) in MUTANTS {
        assert!(OURS.contains(from), "{name}: the template no longer holds {from:?}");
        if wrong(&OURS.replacen(from, to, 1)).expect(name).is_none() {
            missed.push(*name);
        }
    }
    assert_eq!(missed, Vec::<&str>::new());
    assert!(MUTANTS.len() >= 11);
}
