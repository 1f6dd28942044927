//! Cosmos DB, by Microsoft's emulator in memory, over HTTP on loopback.

mod faults;
mod host;

use event_store::{
    StoreError,
    cosmos::{Cosmos, Credentials, Place},
};
use host::Host;
use shared::secrets::SecretString;
use std::sync::OnceLock;

/// The store of all cases.
fn account() -> &'static Host {
    static ACCOUNT: OnceLock<Host> = OnceLock::new();
    ACCOUNT.get_or_init(Host::start)
}

fn key(text: &str) -> Credentials {
    Credentials::Key(SecretString::from(text.to_owned()))
}

async fn open(endpoint: &str) -> Result<Cosmos, StoreError> {
    let place = Place {
        endpoint: endpoint.to_owned(),
        database_id: host::DATABASE.to_owned(),
        container_id: host::CONTAINER.to_owned(),
    };
    Cosmos::open(&place, key("c2VjcmV0")).await
}

async fn start() -> Cosmos {
    faults::opened(account()).await
}

crate::keeps_the_contract! { start:
    an_event_comes_back_as_it_was_put
    what_is_put_again_is_kept_once_and_another_of_its_name_not_at_all
    of_many_that_put_one_event_at_once_one_stores_it
    pages_follow_each_other_in_either_order_without_a_gap
    a_range_holds_its_first_moment_and_not_its_last
    what_is_asked_for_has_all_that_is_asked
    what_is_deleted_is_found_no_more_and_can_be_put_again
    one_tenant_sees_changes_and_deletes_nothing_of_another
    counting_is_by_what_events_have_and_says_where_it_ends
    values_are_one_only_where_they_are_to_the_letter
}
