//! Roles, and the tools that each may use.

use crate::problem::Problem;
use std::fmt;

/// What a person is in their stores. Ordered: a later role may all that an earlier one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A role that the token names and nobody here knows: it may nothing.
    Unknown,
    /// A customer; also who has no role at all.
    Shopper,
    /// Works in a store.
    StoreEmployee,
    /// Runs a store.
    Admin,
}

/// A tool that a question may lead to, or an act on a store's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Where a product stands, what it costs the customer, whether it is there.
    GetProductLocation,
    /// When a store is open.
    CheckStoreHours,
    /// What a product costs the store.
    GetCostPrice,
    /// Changing what is in stock.
    UpdateInventory,
    /// Taking a product out of the catalog.
    DeleteProduct,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 5] = [
        Self::GetProductLocation,
        Self::CheckStoreHours,
        Self::GetCostPrice,
        Self::UpdateInventory,
        Self::DeleteProduct,
    ];

    /// The tool's name, as a model calls it and a message tells it.
    pub fn tool(self) -> &'static str {
        match self {
            Self::GetProductLocation => "get_product_location",
            Self::CheckStoreHours => "check_store_hours",
            Self::GetCostPrice => "get_cost_price",
            Self::UpdateInventory => "update_inventory",
            Self::DeleteProduct => "delete_product",
        }
    }

    /// The permission for the tool named `tool`, exactly as [`Permission::tool`] spells it.
    pub fn of_tool(tool: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.tool() == tool)
    }
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Shopper, Self::StoreEmployee, Self::Admin];

    /// The role that a claim names; exact spelling, and no other text is any role.
    pub fn named(name: &str) -> Self {
        let known = [Self::Shopper, Self::StoreEmployee, Self::Admin];
        known.into_iter().find(|role| role.as_str() == name).unwrap_or(Self::Unknown)
    }

    /// The role's name. An unknown one is `unknown`, so that a token's own text reaches no message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Shopper => "shopper",
            Self::StoreEmployee => "store_employee",
            Self::Admin => "admin",
        }
    }

    /// Whether this role may use a tool.
    pub fn allows(self, permission: Permission) -> bool {
        let least = match permission {
            Permission::GetProductLocation | Permission::CheckStoreHours => Self::Shopper,
            Permission::GetCostPrice | Permission::UpdateInventory => Self::StoreEmployee,
            Permission::DeleteProduct => Self::Admin,
        };
        self >= least
    }

    /// Asks for a tool. To be asked where the tool runs, each time, whoever chose the tool.
    ///
    /// # Errors
    ///
    /// 403 `rbac.forbidden`: `Role '<role>' cannot use '<tool>'`.
    pub fn may(self, permission: Permission) -> Result<(), Problem> {
        if self.allows(permission) { Ok(()) } else { Err(self.forbidden(permission.tool())) }
    }

    /// Asks for at least the role `least`, for an act that is no tool and is told as `act`.
    ///
    /// # Errors
    ///
    /// 403 `rbac.forbidden`: `Role '<role>' cannot use '<act>'`.
    pub fn at_least(self, least: Self, act: &str) -> Result<(), Problem> {
        if self >= least && self != Self::Unknown { Ok(()) } else { Err(self.forbidden(act)) }
    }

    fn forbidden(self, what: &str) -> Problem {
        Problem::forbidden("rbac.forbidden").detail(format!("Role '{self}' cannot use '{what}'"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles_and_tools_is_the_stated_one() {
        let row = |role: Role| Permission::ALL.map(|permission| role.allows(permission));
        assert_eq!(row(Role::named("janitor")), [false, false, false, false, false]);
        assert_eq!(row(Role::named("shopper")), [true, true, false, false, false]);
        assert_eq!(row(Role::named("store_employee")), [true, true, true, true, false]);
        assert_eq!(row(Role::named("admin")), [true, true, true, true, true]);
    }

    #[test]
    fn a_role_is_known_by_its_exact_name_only() {
        for name in ["", "Admin", "ADMIN", " admin", "admin ", "unknown", "store-employee", "аdmin"] {
            assert_eq!(Role::named(name), Role::Unknown, "{name:?}");
        }
    }

    #[test]
    fn a_tool_round_trips_with_its_name() {
        for permission in Permission::ALL {
            assert_eq!(Permission::of_tool(permission.tool()), Some(permission));
        }
        assert_eq!(Permission::of_tool("GET_COST_PRICE"), None);
    }

    #[test]
    fn a_denial_says_role_and_tool_in_the_stated_words() {
        let problem = Role::Shopper.may(Permission::GetCostPrice).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (403, "rbac.forbidden"));
        assert!(format!("{problem:?}").contains("Role 'shopper' cannot use 'get_cost_price'"));
    }

    #[test]
    fn an_unknown_role_is_not_even_the_least() {
        assert!(Role::Unknown.at_least(Role::Unknown, "x").is_err());
        assert!(Role::Shopper.at_least(Role::StoreEmployee, "x").is_err());
        assert!(Role::Admin.at_least(Role::StoreEmployee, "x").is_ok());
    }
}
