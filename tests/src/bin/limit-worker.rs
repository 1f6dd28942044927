//! A process that sends notices as it is told to, line by line, and says what it heard: for tests that race and kill several.
#![allow(clippy::print_stdout)]

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("limit-worker <the store's address>"))?;
    tests::limit::processes::work(&url).await
}
