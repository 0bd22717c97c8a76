// The profile of who is logged in. Each place that shows moments asks for it.
import { useEffect } from "preact/hooks";
import { useAnswer } from "../net/answer.ts";
import type { ProfileShown } from "../net/v1.ts";
import { wishes } from "./moments.ts";

/** The profile, by which moments are shown once it is here. */
export function useProfile() {
  const profile = useAnswer<ProfileShown>("/v1/account/profile");
  useEffect(() => {
    wishes.value = { language: profile.found?.language ?? "", time_zone: profile.found?.time_zone ?? "" };
  }, [profile.found]);
  return profile;
}
