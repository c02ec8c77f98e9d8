// Regions as the picker shows them. Keys are the server's: "广东" or "广东/深圳". Names in English come with them where known.
import { t } from "./i18n";
import type { Option } from "./parts/ComboBox.vue";
import type { Province } from "./types";

const remembered = new WeakMap<readonly Province[], Option[]>();

/** Every province and city, in the order of the server's list. */
export function regionOptions(provinces: readonly Province[]): Option[] {
  let options = remembered.get(provinces);
  if (!options) {
    options = provinces.flatMap((each) => [
      { value: each.province, label: each.name ?? each.province, hint: t("region.whole") },
      ...each.cities.map((city) => {
        const known = typeof city === "string" ? { city, name: city } : city;
        return { value: `${each.province}/${known.city}`, label: known.name ?? known.city, hint: each.name ?? each.province };
      }),
    ]);
    remembered.set(provinces, options);
  }
  return options;
}

/** What people call the region with this key. */
export function regionName(provinces: readonly Province[], key: string): string {
  const option = regionOptions(provinces).find((each) => each.value === key);
  if (!option) return key;
  return key.includes("/") ? `${option.hint} ${option.label}` : option.label;
}
