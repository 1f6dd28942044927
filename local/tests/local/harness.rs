//! A template with a function and a job, and the code for both.

use anyhow::Result;
use axum::{
    Router,
    body::Bytes,
    extract::{FromRef, OriginalUri, Path, Request, State},
    response::IntoResponse,
};
use http::{Method, StatusCode};
use local::{
    Options,
    functions::{Function, Functions, Job, Parts},
};
use shared::{auth::Verifier, idempotency::Idempotency, table::Table, web};
use std::sync::Arc;

pub(crate) const TEMPLATE: &str = r#"
Parameters:
  Stage: {Type: String, Default: dev}
  ProjectId: {Type: String}
Globals:
  Function:
    Environment:
      Variables: {FIREBASE_PROJECT_ID: !Ref ProjectId, TABLE_NAME: !Ref Things, GREETING: hello}
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: echo}}
    Properties:
      Timeout: 2
      Events:
        Get: {Type: HttpApi, Properties: {Method: GET, Path: "/echo/{id}"}}
        Post: {Type: HttpApi, Properties: {Method: POST, Path: /echo}}
        Slow: {Type: HttpApi, Properties: {Method: GET, Path: /slow}}
        Boom: {Type: HttpApi, Properties: {Method: GET, Path: /boom}}
        Me: {Type: HttpApi, Properties: {Method: GET, Path: /me}}
        Hello: {Type: HttpApi, Properties: {Method: GET, Path: /hello}}
  Sweep:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: sweep}}
    Properties:
      Events:
        Often:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: rate(1 minute)
            Input: '{"scheduled_time":"<aws.scheduler.scheduled-time>"}'
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: since, AttributeType: S}
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - IndexName: pending
          KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: since, KeyType: RANGE}]
          Projection: {ProjectionType: ALL}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
  Files:
    Type: AWS::S3::Bucket
  Keys:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: !Sub keys/${Stage}
      GenerateSecretString: {SecretStringTemplate: "{}", GenerateStringKey: CURSOR_KEY}
"#;

#[derive(Clone, FromRef)]
struct App {
    verifier: Verifier,
    idempotency: Idempotency,
    greeting: Arc<str>,
}

/// The options of a bundle over [`TEMPLATE`].
pub(crate) fn small() -> Options {
    Options { template: TEMPLATE.to_owned(), functions, ..Options::for_tests() }
}

pub(crate) fn functions(parts: &Parts<'_>) -> Result<Functions> {
    let mut env = parts.env("echo")?;
    let verifier = Verifier::from_env(&mut env, parts.clock);
    let greeting = env.required("GREETING").into();
    let table = Table::new(parts.aws("echo")?, env.required("TABLE_NAME"));
    let idempotency = Idempotency::new(table, parts.clock.clone());
    let app = env.finish(App { verifier, idempotency, greeting })?;
    let routes = web::Routes::new()
        .on(Method::GET, "/echo/{id}", |Path(id): Path<String>| async move { id })
        .on_up_to(7_000_000, Method::POST, "/echo", |body: Bytes| async move { body.len().to_string() })
        .on(Method::GET, "/slow", || async { tokio::time::sleep(std::time::Duration::from_secs(10)).await })
        .on(Method::GET, "/boom", || async { panic!("boom") as StatusCode })
        .on(Method::GET, "/me", me)
        .on(Method::GET, "/hello", |State(app): State<App>| async move { app.greeting.to_string() });
    let list = routes.list().to_vec();
    let router: Router = web::wrap(routes.with_state(app), Default::default());
    let run: local::functions::Run = Arc::new(|now| Box::pin(async move { Ok(format!("swept at {now}")) }));
    Ok(Functions {
        http: vec![Function { binary: "echo", routes: list, router }],
        jobs: vec![Job { binary: "sweep", run }],
    })
}

async fn me(State(app): State<App>, OriginalUri(_): OriginalUri, request: Request) -> axum::response::Response {
    match app.verifier.authenticate(request.headers()).await {
        Ok(claims) => format!("{} {}", claims.person().as_str(), claims.role().as_str()).into_response(),
        Err(fault) => shared::problem::Problem::from(fault).into_response(),
    }
}
