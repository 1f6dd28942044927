//! The rendered template's roles: what each may do, and who may take it on.

use crate::fault::items;

use super::evaluate::{Call, Context, allowed};
use local::template::{long_form, rendered};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The roles of the stack as they would stand in AWS.
pub(crate) struct Stack(BTreeMap<String, Role>);

struct Role {
    trust: Value,
    policies: Vec<Value>,
}

impl Stack {
    /// Renders a template with these parameters. Secrets are named by ARN, as AWS names them.
    ///
    /// # Errors
    ///
    /// What keeps the template from being rendered.
    pub(crate) fn of(template: &str, parameters: &[(&str, &str)]) -> Result<Self, String> {
        let given = [&[("ProjectId", "smartstore-local")], parameters].concat();
        let resources = long_form(template).and_then(|whole| rendered(&whole, &given));
        let resources = resources.map_err(|why| format!("{why:#}"))?;
        let of_type = |kind: &'static str| resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
        let mut roles = BTreeMap::new();
        for (id, role) in of_type("AWS::IAM::Role") {
            let own = items(&role["Properties"]["Policies"]).into_iter().map(|policy| &policy["PolicyDocument"]);
            let attached = of_type("AWS::IAM::RolePolicy").map(|(_, policy)| &policy["Properties"]);
            let attached = attached.filter(|policy| policy["RoleName"] == name(id)).map(|p| &p["PolicyDocument"]);
            let policies = own.chain(attached).cloned().map(secrets_by_arn).collect();
            let trust = role["Properties"]["AssumeRolePolicyDocument"].clone();
            roles.insert(id.clone(), Role { trust, policies });
        }
        Ok(Self(roles))
    }

    /// The policies of a role, those attached from elsewhere among them.
    pub(crate) fn policies(&self, role: &str) -> &[Value] {
        self.0.get(role).map_or(&[], |role| &role.policies)
    }

    /// Who may take a role on.
    pub(crate) fn trust(&self, role: &str) -> &Value {
        self.0.get(role).map_or(&Value::Null, |role| &role.trust)
    }

    /// Whether the role's own policies allow a call.
    pub(crate) fn may(&self, role: &str, action: &str, resource: &str, context: &Context) -> bool {
        let call = Call { action, resource, principal: &arn(role), context };
        allowed(self.policies(role), &call)
    }

    /// Whether a role lets `who` take it on.
    pub(crate) fn trusts(&self, role: &str, who: &str, action: &str, context: &Context) -> bool {
        let call = Call { action, resource: &arn(role), principal: who, context };
        allowed([self.trust(role)], &call)
    }
}

/// The name of a role that the template gives none.
fn name(role: &str) -> String {
    format!("smartstore-dev-{role}")
}

/// The ARN of a role.
pub(crate) fn arn(role: &str) -> String {
    format!("arn:aws:iam::000000000000:role/{}", name(role))
}

fn secrets_by_arn(mut document: Value) -> Value {
    for statement in document["Statement"].as_array_mut().into_iter().flatten() {
        if let Some(secret) = statement["Resource"].as_str().filter(|r| !r.starts_with("arn:") && *r != "*") {
            statement["Resource"] = json!(super::cases::secret(secret));
        }
    }
    document
}
