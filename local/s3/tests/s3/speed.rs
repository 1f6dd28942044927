//! How fast it is, with client and server on the same cores. Run by name, with `--ignored --nocapture`.

use std::time::Instant;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, and asserts nothing"]
async fn measure_small_objects() {
    const CLIENTS: usize = 32;
    const EACH: usize = 100;
    let shop = Shop::open().await;
    for verb in ["put", "get"] {
        let start = Instant::now();
        let clients = (0..CLIENTS).map(|i| {
            let client = shop.client.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                for n in 0..EACH {
                    let (key, start) = (format!("{i}/{n}"), Instant::now());
                    if verb == "put" {
                        let put = client.put_object().bucket(BUCKET).key(key).body(vec![7; 4096].into());
                        put.send().await.unwrap();
                    } else {
                        bytes(&client, &key).await.unwrap();
                    }
                    times.push(start.elapsed());
                }
                times
            })
        });
        let mut times = Vec::new();
        for client in clients.collect::<Vec<_>>() {
            times.extend(client.await.unwrap());
        }
        let per_second = times.len() as f64 / start.elapsed().as_secs_f64();
        times.sort();
        let p99 = times[times.len() * 99 / 100];
        eprintln!("{verb} 4 KB, {CLIENTS} clients: {per_second:.0}/s, p50 {:?}, p99 {p99:?}", times[times.len() / 2]);
    }
}
