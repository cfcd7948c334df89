// Reads AsyncAPI documents with the project's own parser; ends with 1 when one is not valid.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const ERROR = 0; // a diagnostic's severity

const parser = new Parser();
let refused = false;
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, "utf8"));
  for (const { severity, code, path, message } of diagnostics) {
    console.log(`${file}: ${severity === ERROR ? "error" : "advice"} ${code} at ${path.join(".")}: ${message}`);
  }
  if (!document || diagnostics.some(({ severity }) => severity === ERROR)) {
    refused = true;
  } else {
    console.log(`${file}: ${document.channels().all().length} channels, ${document.operations().all().length} operations`);
  }
}
process.exit(refused ? 1 : 0);
