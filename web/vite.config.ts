import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const built = join(import.meta.dirname, "../python/tandemlab/server/pages");
const server = process.env.TANDEMLAB_SERVER ?? "http://127.0.0.1:8765";

/** Leaves a compressed copy beside each text, so that the server need not compress. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      const folder = join(built, "assets");
      for (const name of readdirSync(folder).filter((each) => /\.(js|css|svg)$/.test(each))) {
        const path = join(folder, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: "/studio/",
  plugins: [react(), compressed()],
  html: { cspNonce: "NONCE" },
  build: { outDir: built, emptyOutDir: true, assetsInlineLimit: 0, manifest: "manifest.json", chunkSizeWarningLimit: 700 },
  server: { proxy: { "/api": server, "/login": server, "/logout": server } },
});
