//! Faults seeded one at a time: each is found, and by the rule that is there for it.

use crate::{OURS, faults};

/// A fault: what it is called, the text it replaces (at its first place), what it puts there, and the rule that finds it.
type Mutant = (&'static str, &'static str, &'static str, &'static str);

const MUTANTS: &[Mutant] = &[
    // Roles
    ("a wildcard action", "dynamodb:GetItem, dynamodb:BatchGetItem", "dynamodb:*", "iam.wildcard_action"),
    ("a half wildcard action", "Action: s3:GetObject\n", "Action: s3:Get*\n", "iam.wildcard_action"),
    ("everything but one action", "Action: s3:GetObject\n", "NotAction: s3:PutObject\n", "iam.wildcard_action"),
    ("a wildcard resource", "Resource: !GetAtt CatalogTable.Arn", "Resource: \"*\"", "iam.wildcard_resource"),
    (
        "a resource that is not ours",
        "Resource: !GetAtt AskLogs.Arn",
        "Resource: !Sub arn:${AWS::Partition}:logs:*",
        "iam.wildcard_resource",
    ),
    (
        "all of a bucket",
        "!Sub ${ArtifactBucket.Arn}/${!aws:PrincipalTag/tenant}/sha256/*",
        "!Sub ${ArtifactBucket.Arn}/*",
        "iam.bucket_too_wide",
    ),
    (
        "a function with rows of its own",
        "Action: [sts:AssumeRole, sts:TagSession]\n            Resource: !GetAtt AskTenantRole.Arn",
        "Action: dynamodb:GetItem\n            Resource: !GetAtt CatalogTable.Arn",
        "iam.leading_keys",
    ),
    (
        "a policy for whoever it is attached to",
        "Type: AWS::IAM::RolePolicy",
        "Type: AWS::IAM::ManagedPolicy",
        "iam.managed_policy",
    ),
    (
        "another's tenants",
        "Resource: !GetAtt AskTenantRole.Arn",
        "Resource: !GetAtt CatalogTenantRole.Arn",
        "iam.assume",
    ),
    ("a role for another service", "Service: lambda.amazonaws.com", "Service: ec2.amazonaws.com", "iam.trust"),
    ("a role for anyone", "AWS: !GetAtt AskRole.Arn", "AWS: \"*\"", "iam.trust"),
    ("a role without a tenant", "                aws:RequestTag/tenant: \"?*\"\n", "", "iam.trust_without_tenant"),
    ("a second tag", "aws:TagKeys: [tenant]", "aws:TagKeys: [tenant, role]", "iam.trust_without_tenant"),
    ("mail as any identity", "identity/${EmailIdentity}", "identity/*", "iam.identity_not_named"),
    (
        "an identity of any name",
        "    AllowedPattern: ^[A-Za-z0-9.@_+-]*$\n",
        "    AllowedPattern: ^[A-Za-z0-9.@_+*-]*$\n",
        "iam.identity_not_named",
    ),
    ("mail from anybody", "ses:FromAddress: !Ref EmailFrom", "ses:FromAddress: \"*\"", "iam.sender_not_named"),
    ("any model", "foundation-model/${BedrockModel}", "foundation-model/*", "iam.model_not_named"),
    (
        "a model of any name",
        "    AllowedPattern: ^[A-Za-z0-9.:-]+$\n",
        "    AllowedPattern: ^[A-Za-z0-9.:*-]+$\n",
        "iam.model_not_named",
    ),
    (
        "a function without a role for tenants",
        "          TENANT_ROLE_ARN: !GetAtt AskTenantRole.Arn\n",
        "",
        "iam.tenant_role",
    ),
    (
        "a function with another's role for tenants",
        "TENANT_ROLE_ARN: !GetAtt AskTenantRole.Arn",
        "TENANT_ROLE_ARN: !GetAtt CatalogTenantRole.Arn",
        "iam.tenant_role",
    ),
    (
        "a secret by prefix",
        "Resource: !Ref SmartstoreSecret",
        "Resource: !Sub ${SmartstoreSecret}*",
        "iam.secret_too_wide",
    ),
    (
        "every secret of the stage",
        "secret:smartstore-ai/${Stage}/analytics/*",
        "secret:smartstore-ai/${Stage}*",
        "iam.secret_too_wide",
    ),
    (
        "any function",
        "Resource: !Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:smartstore-${Stage}-ingest:live",
        "Resource: !Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:smartstore-${Stage}-*",
        "iam.function_not_named",
    ),
    ("every index", "${CatalogTable.Arn}/index/pending", "${CatalogTable.Arn}/index/*", "iam.index_not_named"),
    (
        "a scan of the table",
        "Resource: !Sub ${CatalogTable.Arn}/index/pending",
        "Resource: !GetAtt CatalogTable.Arn",
        "iam.scan",
    ),
    ("a scan by a function that serves people", "dynamodb:GetItem, dynamodb:BatchGetItem", "dynamodb:Scan", "iam.scan"),
    (
        "keys of any tenant",
        "dynamodb:LeadingKeys: [\"T#${aws:PrincipalTag/tenant}#S#*\"]",
        "dynamodb:LeadingKeys: [\"T#*\"]",
        "iam.leading_keys",
    ),
    ("a condition on another key", "ForAllValues:StringLike:", "ForAnyValue:StringLike:", "iam.leading_keys"),
    (
        "no keys at all",
        "dynamodb:LeadingKeys: \"false\"",
        "dynamodb:LeadingKeys: \"true\"",
        "iam.leading_keys_may_be_absent",
    ),
    (
        "no word on absent keys",
        "                  \"Null\":\n                    dynamodb:LeadingKeys: \"false\"\n",
        "",
        "iam.leading_keys_may_be_absent",
    ),
    (
        "a managed policy",
        "    Type: AWS::IAM::Role\n    Properties:\n",
        "    Type: AWS::IAM::Role\n    Properties:\n      ManagedPolicyArns: [!Sub \"arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess\"]\n",
        "iam.managed_policy",
    ),
    ("a borrowed role", "Role: !GetAtt AskRole.Arn", "Role: !GetAtt CatalogRole.Arn", "iam.own_role"),
    (
        "SAM's own role",
        "      Role: !GetAtt AskRole.Arn\n",
        "      Policies: [AmazonDynamoDBFullAccess]\n",
        "iam.own_role",
    ),
    // Events
    ("a misspelt method", "Method: POST", "Methd: POST", "event.unknown_property"),
    ("a misspelt authorizer", "            Auth:\n", "            Auht:\n", "event.unknown_property"),
    ("a misspelt schedule", "FlexibleTimeWindow:", "FlexibleTimewindow:", "event.unknown_property"),
    ("a misspelt event", "Type: ScheduleV2", "Type: SheduleV2", "event.unknown_type"),
    (
        "a missing route",
        "Path: /catalog/stores/{store_id}/search",
        "Path: /catalog/stores/{store_id}/serch",
        "route.missing",
    ),
    (
        "a route that nobody knows",
        "Path: /catalog/stores/{store_id}/search",
        "Path: /catalog/{store_id}/search",
        "route.unknown",
    ),
    ("a route twice", "Path: /catalog/stores/{store_id}/search", "Path: /catalog/stores/{store_id}", "route.twice"),
    (
        "a route without authorizer",
        "            Path: /ask\n",
        "            Path: /ask\n            Auth:\n              Authorizer: NONE\n",
        "route.open",
    ),
    ("no authorizer by default", "        DefaultAuthorizer: Firebase\n", "", "route.open"),
    ("a gateway for one route", "            ApiId: !Ref HttpApi\n", "", "route.gateway"),
    ("a stage in every path", "StageName: $default", "StageName: live", "gateway.stage"),
    ("another issuer", "securetoken.google.com/${ProjectId}", "accounts.google.com", "gateway.issuer"),
    ("tokens for anyone", "audience: [!Ref ProjectId]", "audience: [!Ref ProjectId, \"*\"]", "gateway.audience"),
    ("no limit of bursts", "        ThrottlingBurstLimit: !Ref ThrottleBurst\n", "", "gateway.throttle"),
    (
        "addresses in the log",
        "\"route\":\"$context.routeKey\"",
        "\"ip\":\"$context.identity.sourceIp\"",
        "gateway.access_log",
    ),
    ("any browser", "allowOrigins: !Split [\",\", !Ref CorsAllowOrigins]", "allowOrigins: [\"*\"]", "gateway.cors"),
    // The clock
    ("a bad unit", "rate(1 minute)", "rate(1 minutos)", "schedule.expression"),
    ("a plural of one", "rate(1 minute)", "rate(1 minutes)", "schedule.expression"),
    ("five fields", "rate(1 minute)", "cron(0 3 * * *)", "schedule.expression"),
    (
        "no dead letters",
        "            DeadLetterConfig:\n              Arn: !GetAtt PublishDeadLetters.Arn\n",
        "",
        "schedule.dead_letters",
    ),
    ("no word on retries", "              MaximumRetryAttempts: 2\n", "", "schedule.retry"),
    ("an event without its time", "<aws.scheduler.scheduled-time>", "now", "schedule.input"),
    // Stores
    ("no recovery in time", "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false", "table.recovery"),
    ("no deletion protection", "      DeletionProtectionEnabled: true\n", "", "table.deletion_protection"),
    ("no encryption", "SSEEnabled: true", "SSEEnabled: false", "table.encryption"),
    ("capacity by the hour", "BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED", "table.billing"),
    (
        "an index across tenants",
        "            - AttributeName: pk\n              KeyType: HASH",
        "            - AttributeName: sk\n              KeyType: HASH",
        "table.tenant_key",
    ),
    ("a table that goes with its stack", "    DeletionPolicy: Retain\n", "", "store.kept"),
    ("a public bucket", "BlockPublicPolicy: true", "BlockPublicPolicy: false", "bucket.public"),
    ("a bucket for anyone", "Effect: Deny", "Effect: Allow", "bucket.public"),
    ("plain HTTP", "aws:SecureTransport: \"false\"", "aws:SecureTransport: \"true\"", "bucket.tls_only"),
    ("plain HTTP to objects", "              - !Sub ${ArtifactBucket.Arn}/*\n", "", "bucket.tls_only"),
    (
        "no versions",
        "      VersioningConfiguration:\n        Status: Enabled",
        "      VersioningConfiguration:\n        Status: Suspended",
        "bucket.versions",
    ),
    (
        "an open bucket at rest",
        "          - ServerSideEncryptionByDefault:\n              SSEAlgorithm: AES256",
        "          []",
        "bucket.encryption",
    ),
    ("snapshots that expire", "            Prefix: uploads/\n", "", "bucket.lifecycle"),
    (
        "halves for ever",
        "            Status: Enabled\n            Abort",
        "            Status: Disabled\n            Abort",
        "bucket.lifecycle",
    ),
    ("log lines for ever", "      RetentionInDays: !Ref LogRetentionDays\n", "", "logs.retention"),
    (
        "a secret in the template",
        "      GenerateSecretString:\n",
        "      SecretString: '{}'\n      GenerateSecretString:\n",
        "secret.literal",
    ),
    ("heads that can be removed", "      ObjectLockEnabled: true\n", "", "bucket.lock"),
    ("heads that root can remove", "Mode: COMPLIANCE", "Mode: GOVERNANCE", "bucket.lock"),
    ("heads for a day", "            Days: 730\n", "            Days: 1\n", "bucket.lock"),
    ("heads anywhere", "AUDIT_BUCKET: !Ref AuditBucket", "AUDIT_BUCKET: !Ref ArtifactBucket", "bucket.lock"),
    // Functions
    ("another processor", "Architectures: [arm64]", "Architectures: [x86_64]", "function.architecture"),
    ("another builder", "BuildMethod: rust-cargolambda", "BuildMethod: makefile", "function.build"),
    ("the same binary twice", "Binary: catalog-publish", "Binary: catalog", "function.build"),
    (
        "no bound",
        "      ReservedConcurrentExecutions: !If [KeepsHttpConcurrency, !Ref HttpConcurrency, !Ref AWS::NoValue]\n",
        "",
        "function.concurrency",
    ),
    (
        "a public address",
        "      Timeout: 28\n",
        "      Timeout: 28\n      FunctionUrlConfig:\n        AuthType: NONE\n",
        "function.public_url",
    ),
    (
        "one environment for all whatever is asked",
        "      TenancyConfig: !If [IsolatesTenants, {TenantIsolationMode: PER_TENANT}, !Ref AWS::NoValue]\n",
        "",
        "function.isolation",
    ),
    (
        "a first administrator whom nobody named",
        "          FIRST_ADMIN_PERSON: !Ref FirstAdminPerson\n",
        "          FIRST_ADMIN_PERSON: root\n",
        "function.first_admin",
    ),
    (
        "isolation where nobody asked for it",
        "Default: \"OFF\"\n    AllowedValues: [\"OFF\", PER_TENANT]",
        "Default: PER_TENANT\n    AllowedValues: [\"OFF\", PER_TENANT]",
        "function.isolation",
    ),
    ("a log of Lambda's own making", "        LogGroup: !Ref AskLogs\n", "", "function.log_group"),
    ("slower than the gateway waits", "      Timeout: 28\n", "      Timeout: 60\n", "function.timeout"),
    ("all at once", "Type: !Ref Rollout", "Type: AllAtOnce", "function.canary"),
    ("all at once unless told otherwise", "Default: Canary10Percent5Minutes", "Default: AllAtOnce", "function.canary"),
    (
        "an alarm that is not there",
        "          - !Ref AskErrorsAlarm\n",
        "          - !Ref AskErorsAlarm\n",
        "function.canary",
    ),
    ("failed runs forgotten", "            Destination: !GetAtt PublishDeadLetters.Arn\n", "", "function.failed_runs"),
    ("no alarm on errors", "      MetricName: Errors\n", "      MetricName: Invocations\n", "function.alarm"),
    (
        "an event that nobody is told of",
        "          Value: tenant_guard_refused\n",
        "          Value: tenant_gaurd_refused\n",
        "alarm.event",
    ),
    ("an event that nobody counts", "        $.event = \"tenant_guard_refused\" ||\n", "", "alarm.uncounted_event"),
    (
        "events counted without their name",
        "              Value: $.event\n",
        "              Value: $.kind\n",
        "alarm.uncounted_event",
    ),
    ("another function's log", "LogGroupName: !Ref AskLogs", "LogGroupName: !Ref CatalogLogs", "alarm.uncounted_event"),
    (
        "breakglass unseen",
        "MetricName: admin_breakglass_total",
        "MetricName: admin_breakglas_total",
        "alarm.breakglass",
    ),
    ("logs without warnings", "AllowedValues: [WARN, INFO, DEBUG]", "AllowedValues: [ERROR, WARN]", "alarm.log_level"),
    ("an alarm to nobody", "      AlarmActions: [!Ref AlertTopic]\n", "", "alarm.nobody_told"),
    (
        "a secret in a variable",
        "          ANSWER_PROVIDER: !Ref AnswerProvider\n",
        "          ANSWER_PROVIDER: !Ref AnswerProvider\n          ANTHROPIC_API_KEY: none\n",
        "env.secret",
    ),
    (
        "a secret under an innocent name",
        "ANSWER_PROVIDER: !Ref AnswerProvider",
        "ANSWER_PROVIDER: sk-ant-0123456789abcdef",
        "env.secret",
    ),
    (
        "a secret by dynamic reference",
        "ANSWER_PROVIDER: !Ref AnswerProvider",
        "ANSWER_PROVIDER: '{{resolve:secretsmanager:smartstore-ai/dev}}'",
        "env.secret",
    ),
    // Anyone's account
    (
        "an account",
        "ANSWER_PROVIDER: !Ref AnswerProvider",
        "ANSWER_PROVIDER: \"arn:x:123456789012:y\"",
        "portable.account",
    ),
    ("a region", "ANSWER_PROVIDER: !Ref AnswerProvider", "ANSWER_PROVIDER: bedrock.eu-central-1", "portable.region"),
    ("a partition", "Resource: !GetAtt AskLogs.Arn", "Resource: arn:aws:logs:::log-group", "portable.partition"),
    (
        "a bucket's name",
        "      # Snapshots under",
        "      BucketName: smartstore-artifacts\n      # Snapshots under",
        "portable.name",
    ),
    (
        "a function's name",
        "FunctionName: !Sub smartstore-${Stage}-catalog\n",
        "FunctionName: smartstore-catalog\n",
        "portable.name",
    ),
    ("a key twice", "      Timeout: 28\n", "      Timeout: 28\n      Timeout: 29\n", "yaml"),
];

#[test]
fn every_seeded_fault_is_found_by_its_rule() {
    let mut missed = Vec::new();
    for (name, from, to, rule) in MUTANTS {
        assert!(OURS.contains(from), "{name}: the template no longer holds {from:?}");
        let found = faults(&OURS.replacen(from, to, 1));
        if !found.iter().any(|fault| fault.rule == *rule) {
            missed.push(format!("{name}: {rule} is silent; found {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Rules stand in the sources as texts of the form `"place.what"` in a call of `unless`: each has a mutant.
#[test]
fn every_rule_has_a_seeded_fault() {
    let sources = [
        include_str!("iam.rs"),
        include_str!("gateway.rs"),
        include_str!("stores.rs"),
        include_str!("functions.rs"),
        include_str!("alarms.rs"),
        include_str!("portable.rs"),
    ];
    let areas =
        ["iam.", "event.", "route.", "gateway.", "schedule.", "store.", "table.", "bucket.", "logs.", "secret."];
    let areas = areas.iter().chain(&["function.", "alarm.", "env.", "portable."]);
    let areas: Vec<_> = areas.collect();
    let mut rules = 0;
    for quoted in sources.iter().flat_map(|source| source.split('"').skip(1).step_by(2)) {
        let plain = quoted.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.');
        if plain && areas.iter().any(|area| quoted.starts_with(**area) && quoted.len() > area.len()) {
            rules += 1;
            assert!(MUTANTS.iter().any(|(.., rule)| *rule == quoted), "no seeded fault for {quoted}");
        }
    }
    assert!(rules >= 40, "found only {rules} rules in the sources");
}
