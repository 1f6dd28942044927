//! Answers the bench's questions on standard input, line by line ([`tests::adapter`]).

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    tests::adapter::Adapter::default().run(tokio::io::BufReader::new(tokio::io::stdin()), tokio::io::stdout()).await
}
