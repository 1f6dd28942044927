//! How a store is named for people.

use serde::{Deserialize, Serialize};
use shared::{digest::Digest, routes::Backend};

/// What a store is called: of what kind it is and where, without anything by which one gets there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreName {
    /// `dynamodb`, `firestore` or `cosmos`.
    pub(crate) backend_type: String,
    /// The table; the project, the database and the collection, after `emulator` where it is one's; or the account's address, the database
    /// and the container.
    pub(crate) place: String,
}

impl StoreName {
    pub(crate) fn of(backend: &Backend) -> Self {
        let (backend_type, place) = match backend {
            Backend::DynamoDb(at) => ("dynamodb", at.table_name.clone()),
            Backend::Firestore(at) => {
                let emulator = if at.use_emulator { "emulator/" } else { "" };
                let database = at.database.as_deref().unwrap_or("(default)");
                ("firestore", format!("{emulator}{}/{database}/{}", at.project_id, at.collection_path))
            }
            Backend::Cosmos(at) => {
                let endpoint = at.endpoint.trim_end_matches('/');
                ("cosmos", format!("{endpoint}/{}/{}", at.database_id, at.container_id))
            }
            Backend::Other => ("other", String::new()),
        };
        Self { backend_type: backend_type.to_owned(), place }
    }

    /// The same for the same store alone.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(format!("{}\0{}", self.backend_type, self.place).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use shared::routes::ResourceKind;

    #[test]
    fn a_name_says_where_a_store_is_and_not_how_one_gets_there() {
        let name = |backend_type: &str, config: Value| {
            let backend = Backend::parse(ResourceKind::AnalyticsStore, backend_type, config.as_object().unwrap());
            let name = StoreName::of(&backend.unwrap());
            assert_eq!(name.backend_type, backend_type);
            name.place
        };
        assert_eq!(name("dynamodb", json!({"region": "eu-central-1", "table_name": "events"})), "events");
        let firestore = json!({"project_id": "demo", "collection_path": "a/b/c", "key_secret": "prod/key#json"});
        assert_eq!(name("firestore", firestore), "demo/(default)/a/b/c");
        let emulated = json!({"project_id": "demo", "collection_path": "a", "use_emulator": true, "database": "db"});
        assert_eq!(name("firestore", emulated), "emulator/demo/db/a");
        let cosmos = |endpoint: &str| {
            let named = json!({"database_id": "d", "container_id": "c", "key": "c2VjcmV0", "endpoint": endpoint});
            name("cosmos", named)
        };
        for endpoint in ["https://acme.documents.azure.com", "https://acme.documents.azure.com/"] {
            assert_eq!(cosmos(endpoint), "https://acme.documents.azure.com/d/c");
        }
    }
}
