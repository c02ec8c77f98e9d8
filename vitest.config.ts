// Tests of the front end's pure parts; `tests/unit/agent_desktop/test_frontend.py` runs them with all others.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["tests/unit/**/*.test.ts"], environment: "node" },
});
