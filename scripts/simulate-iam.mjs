// Runs each case of a file through iam-simulate and compares the verdict with ours. Called by scripts/simulate-iam, from the folder
// in which that package is installed.
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { readFileSync } from "node:fs";

const account = "000000000000";
const cases = JSON.parse(readFileSync(process.argv[2], "utf8"));
const everything = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };
const organisation = [{ orgIdentifier: "root", policies: [{ name: "everything", policy: everything }] }];

// The last part of a role's ARN, as a session of it: leading keys and tags belong to sessions.
const session = (principal) =>
    principal.includes(":role/") ? principal.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/run" : principal;

async function verdict(one) {
    const simulation = {
        request: {
            principal: one.trust ? one.principal : session(one.principal),
            action: one.action,
            resource: { resource: one.resource, accountId: account },
            contextVariables: one.context,
        },
        identityPolicies: one.identity.map((policy, n) => ({ name: `policy${n}`, policy })),
        serviceControlPolicies: organisation,
        resourceControlPolicies: [],
    };
    if (one.trust) simulation.resourcePolicy = one.trust;
    const result = await runSimulation(simulation, {});
    if (result.resultType === "error") return { said: "error", why: JSON.stringify(result.errors) };
    return { said: result.overallResult === "Allowed", ignored: result.result?.ignoredContextKeys ?? [] };
}

const tally = { agreed: 0, allowed: 0, unknown: 0 };
const strange = [];
const refused = new Map();
for (const one of cases) {
    const { said, why, ignored } = await verdict(one);
    // It knows no ARN without a region, as a global inference profile asks for, and none of an identity without a name, as a stack
    // that sends no mail would have it.
    const odd = one.resource.startsWith("arn:aws:bedrock:::") || one.resource.endsWith(":identity/");
    if (said === "error" && odd) {
        tally.unknown += 1;
    } else if (said === "error") {
        refused.set(why, [...(refused.get(why) ?? []), one.name]);
    } else if (said === one.passes) {
        tally.agreed += 1;
        if (said) tally.allowed += 1;
        if (said && ignored.length > 0) strange.push(`${one.name}: it passed over ${ignored}`);
    } else {
        strange.push(`${one.name}: we say ${one.passes}, it says ${said}`);
    }
}
for (const line of strange) console.log(`DIFFERS ${line}`);
for (const [why, names] of refused) console.log(`NOT JUDGED ${names.length} (${names[0]} …): ${why}`);
const unjudged = [...refused.values()].reduce((sum, names) => sum + names.length, 0);
console.log(
    `${cases.length} cases: ${tally.agreed} agreed (${tally.allowed} allowed, ${tally.agreed - tally.allowed} denied), ` +
        `${strange.length} differ, ${unjudged} not judged, ${tally.unknown} on ARNs of a form that it does not know`,
);
process.exit(strange.length + unjudged > 0 ? 1 : 0);
