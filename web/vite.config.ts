// The page's build: everything into one folder that the api serves, with names that say what is in them.
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "../lockstep/procs/api/web",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // nothing of a page is in its text: the policy of what it may load stays plain
    reportCompressedSize: false,
  },
});
