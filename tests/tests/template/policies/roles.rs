//! The rendered template's roles: what each may do, and who may take it on.

use super::evaluate::{Call, Context, allowed};
use local::template::rendered;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every resource of the stack as it would stand in AWS.
pub(crate) struct Stack(BTreeMap<String, Value>);

impl Stack {
    /// Renders a template as it stands by default.
    ///
    /// # Errors
    ///
    /// What keeps the template from being rendered.
    pub(crate) fn of(template: &str, parameters: &[(&str, &str)]) -> Result<Self, String> {
        let given = [&[("ProjectId", "smartstore-local")], parameters].concat();
        rendered(template, &given).map(Self).map_err(|why| format!("{why:#}"))
    }

    /// A resource as it stands, or nothing.
    pub(crate) fn resource(&self, id: &str) -> &Value {
        self.0.get(id).unwrap_or(&Value::Null)
    }

    /// The policies of a role, those attached from elsewhere among them. Secrets are named by ARN, as AWS names them.
    pub(crate) fn policies(&self, role: &str) -> Vec<Value> {
        let own = crate::fault::items(&self.resource(role)["Properties"]["Policies"]);
        let own = own.into_iter().map(|policy| &policy["PolicyDocument"]);
        let attached = self.0.values().filter(|other| other["Type"] == "AWS::IAM::RolePolicy");
        let attached = attached.filter(|other| other["Properties"]["RoleName"] == name(role));
        let attached = attached.map(|other| &other["Properties"]["PolicyDocument"]);
        own.chain(attached).cloned().map(secrets_by_arn).collect()
    }

    /// Who may take a role on.
    pub(crate) fn trust(&self, role: &str) -> &Value {
        &self.resource(role)["Properties"]["AssumeRolePolicyDocument"]
    }

    /// Whether the role's own policies allow a call.
    pub(crate) fn may(&self, role: &str, action: &str, resource: &str, context: &Context) -> bool {
        let call = Call { action, resource, principal: &arn(role), context };
        allowed(&self.policies(role), &call)
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
