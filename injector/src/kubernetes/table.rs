//! The table of Kubernetes' types. Written by `scripts/tables/kubernetes`: change that, not this.
//!
//! From the field tags of k8s.io/api v0.36 line (2026-07-24), apimachinery, openshift/api; field tags only.

use super::types::Base::{Any, Bool, Int32, Int64, IntOrString, Quantity, String, Time};
use super::types::{Struct, field, list, map, of, plain, pointer};

pub(super) static APPSV1_DAEMON_SET: Struct = Struct {
    name: "appsv1.DaemonSet",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&APPSV1_DAEMON_SET_SPEC))).omitempty(),
        field("Status", "status", plain(of(&APPSV1_DAEMON_SET_STATUS))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[2, 3, 4],
};

pub(super) static APPSV1_DAEMON_SET_CONDITION: Struct = Struct {
    name: "appsv1.DaemonSetCondition",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)),
        field("Status", "status", plain(String)),
        field("LastTransitionTime", "lastTransitionTime", plain(Time)).omitempty(),
        field("Reason", "reason", plain(String)).omitempty(),
        field("Message", "message", plain(String)).omitempty(),
    ],
    by_json: &[2, 4, 3, 1, 0],
    written: &[2, 1, 0],
};

pub(super) static APPSV1_DAEMON_SET_SPEC: Struct = Struct {
    name: "appsv1.DaemonSetSpec",
    embedded: None,
    fields: &[
        field("Selector", "selector", pointer(of(&METAV1_LABEL_SELECTOR))),
        field("Template", "template", plain(of(&V1_POD_TEMPLATE_SPEC))),
        field("UpdateStrategy", "updateStrategy", plain(of(&APPSV1_DAEMON_SET_UPDATE_STRATEGY))).omitempty(),
        field("MinReadySeconds", "minReadySeconds", plain(Int32)).omitempty(),
        field("RevisionHistoryLimit", "revisionHistoryLimit", pointer(Int32)).omitempty(),
    ],
    by_json: &[3, 4, 0, 1, 2],
    written: &[0, 1, 2],
};

pub(super) static APPSV1_DAEMON_SET_STATUS: Struct = Struct {
    name: "appsv1.DaemonSetStatus",
    embedded: None,
    fields: &[
        field("CurrentNumberScheduled", "currentNumberScheduled", plain(Int32)),
        field("NumberMisscheduled", "numberMisscheduled", plain(Int32)),
        field("DesiredNumberScheduled", "desiredNumberScheduled", plain(Int32)),
        field("NumberReady", "numberReady", plain(Int32)),
        field("ObservedGeneration", "observedGeneration", plain(Int64)).omitempty(),
        field("UpdatedNumberScheduled", "updatedNumberScheduled", plain(Int32)).omitempty(),
        field("NumberAvailable", "numberAvailable", plain(Int32)).omitempty(),
        field("NumberUnavailable", "numberUnavailable", plain(Int32)).omitempty(),
        field("CollisionCount", "collisionCount", pointer(Int32)).omitempty(),
        field("Conditions", "conditions", list(of(&APPSV1_DAEMON_SET_CONDITION))).omitempty().merged("type"),
    ],
    by_json: &[8, 9, 0, 2, 6, 1, 3, 7, 4, 5],
    written: &[0, 2, 1, 3],
};

pub(super) static APPSV1_DAEMON_SET_UPDATE_STRATEGY: Struct = Struct {
    name: "appsv1.DaemonSetUpdateStrategy",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)).omitempty(),
        field("RollingUpdate", "rollingUpdate", pointer(of(&APPSV1_ROLLING_UPDATE_DAEMON_SET))).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static APPSV1_DEPLOYMENT: Struct = Struct {
    name: "appsv1.Deployment",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&APPSV1_DEPLOYMENT_SPEC))).omitempty(),
        field("Status", "status", plain(of(&APPSV1_DEPLOYMENT_STATUS))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[2, 3, 4],
};

pub(super) static APPSV1_DEPLOYMENT_CONDITION: Struct = Struct {
    name: "appsv1.DeploymentCondition",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)),
        field("Status", "status", plain(String)),
        field("LastUpdateTime", "lastUpdateTime", plain(Time)).omitempty(),
        field("LastTransitionTime", "lastTransitionTime", plain(Time)).omitempty(),
        field("Reason", "reason", plain(String)).omitempty(),
        field("Message", "message", plain(String)).omitempty(),
    ],
    by_json: &[3, 2, 5, 4, 1, 0],
    written: &[3, 2, 1, 0],
};

pub(super) static APPSV1_DEPLOYMENT_SPEC: Struct = Struct {
    name: "appsv1.DeploymentSpec",
    embedded: None,
    fields: &[
        field("Replicas", "replicas", pointer(Int32)).omitempty(),
        field("Selector", "selector", pointer(of(&METAV1_LABEL_SELECTOR))),
        field("Template", "template", plain(of(&V1_POD_TEMPLATE_SPEC))),
        field("Strategy", "strategy", plain(of(&APPSV1_DEPLOYMENT_STRATEGY))).omitempty(),
        field("MinReadySeconds", "minReadySeconds", plain(Int32)).omitempty(),
        field("RevisionHistoryLimit", "revisionHistoryLimit", pointer(Int32)).omitempty(),
        field("Paused", "paused", plain(Bool)).omitempty(),
        field("ProgressDeadlineSeconds", "progressDeadlineSeconds", pointer(Int32)).omitempty(),
    ],
    by_json: &[4, 6, 7, 0, 5, 1, 3, 2],
    written: &[1, 3, 2],
};

pub(super) static APPSV1_DEPLOYMENT_STATUS: Struct = Struct {
    name: "appsv1.DeploymentStatus",
    embedded: None,
    fields: &[
        field("ObservedGeneration", "observedGeneration", plain(Int64)).omitempty(),
        field("Replicas", "replicas", plain(Int32)).omitempty(),
        field("UpdatedReplicas", "updatedReplicas", plain(Int32)).omitempty(),
        field("ReadyReplicas", "readyReplicas", plain(Int32)).omitempty(),
        field("AvailableReplicas", "availableReplicas", plain(Int32)).omitempty(),
        field("UnavailableReplicas", "unavailableReplicas", plain(Int32)).omitempty(),
        field("TerminatingReplicas", "terminatingReplicas", pointer(Int32)).omitempty(),
        field("Conditions", "conditions", list(of(&APPSV1_DEPLOYMENT_CONDITION))).omitempty().merged("type"),
        field("CollisionCount", "collisionCount", pointer(Int32)).omitempty(),
    ],
    by_json: &[4, 8, 7, 0, 3, 1, 6, 5, 2],
    written: &[],
};

pub(super) static APPSV1_DEPLOYMENT_STRATEGY: Struct = Struct {
    name: "appsv1.DeploymentStrategy",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)).omitempty(),
        field("RollingUpdate", "rollingUpdate", pointer(of(&APPSV1_ROLLING_UPDATE_DEPLOYMENT))).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static APPSV1_REPLICA_SET: Struct = Struct {
    name: "appsv1.ReplicaSet",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&APPSV1_REPLICA_SET_SPEC))).omitempty(),
        field("Status", "status", plain(of(&APPSV1_REPLICA_SET_STATUS))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[2, 3, 4],
};

pub(super) static APPSV1_REPLICA_SET_CONDITION: Struct = Struct {
    name: "appsv1.ReplicaSetCondition",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)),
        field("Status", "status", plain(String)),
        field("LastTransitionTime", "lastTransitionTime", plain(Time)).omitempty(),
        field("Reason", "reason", plain(String)).omitempty(),
        field("Message", "message", plain(String)).omitempty(),
    ],
    by_json: &[2, 4, 3, 1, 0],
    written: &[2, 1, 0],
};

pub(super) static APPSV1_REPLICA_SET_SPEC: Struct = Struct {
    name: "appsv1.ReplicaSetSpec",
    embedded: None,
    fields: &[
        field("Replicas", "replicas", pointer(Int32)).omitempty(),
        field("MinReadySeconds", "minReadySeconds", plain(Int32)).omitempty(),
        field("Selector", "selector", pointer(of(&METAV1_LABEL_SELECTOR))),
        field("Template", "template", plain(of(&V1_POD_TEMPLATE_SPEC))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3],
    written: &[2, 3],
};

pub(super) static APPSV1_REPLICA_SET_STATUS: Struct = Struct {
    name: "appsv1.ReplicaSetStatus",
    embedded: None,
    fields: &[
        field("Replicas", "replicas", plain(Int32)),
        field("FullyLabeledReplicas", "fullyLabeledReplicas", plain(Int32)).omitempty(),
        field("ReadyReplicas", "readyReplicas", plain(Int32)).omitempty(),
        field("AvailableReplicas", "availableReplicas", plain(Int32)).omitempty(),
        field("TerminatingReplicas", "terminatingReplicas", pointer(Int32)).omitempty(),
        field("ObservedGeneration", "observedGeneration", plain(Int64)).omitempty(),
        field("Conditions", "conditions", list(of(&APPSV1_REPLICA_SET_CONDITION))).omitempty().merged("type"),
    ],
    by_json: &[3, 6, 1, 5, 2, 0, 4],
    written: &[0],
};

pub(super) static APPSV1_ROLLING_UPDATE_DAEMON_SET: Struct = Struct {
    name: "appsv1.RollingUpdateDaemonSet",
    embedded: None,
    fields: &[
        field("MaxUnavailable", "maxUnavailable", pointer(IntOrString)).omitempty(),
        field("MaxSurge", "maxSurge", pointer(IntOrString)).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static APPSV1_ROLLING_UPDATE_DEPLOYMENT: Struct = Struct {
    name: "appsv1.RollingUpdateDeployment",
    embedded: None,
    fields: &[
        field("MaxUnavailable", "maxUnavailable", pointer(IntOrString)).omitempty(),
        field("MaxSurge", "maxSurge", pointer(IntOrString)).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static APPSV1_ROLLING_UPDATE_STATEFUL_SET_STRATEGY: Struct = Struct {
    name: "appsv1.RollingUpdateStatefulSetStrategy",
    embedded: None,
    fields: &[
        field("Partition", "partition", pointer(Int32)).omitempty(),
        field("MaxUnavailable", "maxUnavailable", pointer(IntOrString)).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static APPSV1_STATEFUL_SET: Struct = Struct {
    name: "appsv1.StatefulSet",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&APPSV1_STATEFUL_SET_SPEC))).omitempty(),
        field("Status", "status", plain(of(&APPSV1_STATEFUL_SET_STATUS))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[2, 3, 4],
};

pub(super) static APPSV1_STATEFUL_SET_CONDITION: Struct = Struct {
    name: "appsv1.StatefulSetCondition",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)),
        field("Status", "status", plain(String)),
        field("LastTransitionTime", "lastTransitionTime", plain(Time)).omitempty(),
        field("Reason", "reason", plain(String)).omitempty(),
        field("Message", "message", plain(String)).omitempty(),
    ],
    by_json: &[2, 4, 3, 1, 0],
    written: &[2, 1, 0],
};

pub(super) static APPSV1_STATEFUL_SET_ORDINALS: Struct = Struct {
    name: "appsv1.StatefulSetOrdinals",
    embedded: None,
    fields: &[field("Start", "start", plain(Int32))],
    by_json: &[0],
    written: &[0],
};

pub(super) static APPSV1_STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY: Struct = Struct {
    name: "appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy",
    embedded: None,
    fields: &[
        field("WhenDeleted", "whenDeleted", plain(String)).omitempty(),
        field("WhenScaled", "whenScaled", plain(String)).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[],
};

pub(super) static APPSV1_STATEFUL_SET_SPEC: Struct = Struct {
    name: "appsv1.StatefulSetSpec",
    embedded: None,
    fields: &[
        field("Replicas", "replicas", pointer(Int32)).omitempty(),
        field("Selector", "selector", pointer(of(&METAV1_LABEL_SELECTOR))),
        field("Template", "template", plain(of(&V1_POD_TEMPLATE_SPEC))),
        field("VolumeClaimTemplates", "volumeClaimTemplates", list(of(&V1_PERSISTENT_VOLUME_CLAIM))).omitempty(),
        field("ServiceName", "serviceName", plain(String)),
        field("PodManagementPolicy", "podManagementPolicy", plain(String)).omitempty(),
        field("UpdateStrategy", "updateStrategy", plain(of(&APPSV1_STATEFUL_SET_UPDATE_STRATEGY))).omitempty(),
        field("RevisionHistoryLimit", "revisionHistoryLimit", pointer(Int32)).omitempty(),
        field("MinReadySeconds", "minReadySeconds", plain(Int32)).omitempty(),
        field(
            "PersistentVolumeClaimRetentionPolicy",
            "persistentVolumeClaimRetentionPolicy",
            pointer(of(&APPSV1_STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY)),
        )
        .omitempty(),
        field("Ordinals", "ordinals", pointer(of(&APPSV1_STATEFUL_SET_ORDINALS))).omitempty(),
    ],
    by_json: &[8, 10, 9, 5, 0, 7, 1, 4, 2, 6, 3],
    written: &[1, 4, 2, 6],
};

pub(super) static APPSV1_STATEFUL_SET_STATUS: Struct = Struct {
    name: "appsv1.StatefulSetStatus",
    embedded: None,
    fields: &[
        field("ObservedGeneration", "observedGeneration", plain(Int64)).omitempty(),
        field("Replicas", "replicas", plain(Int32)),
        field("ReadyReplicas", "readyReplicas", plain(Int32)).omitempty(),
        field("CurrentReplicas", "currentReplicas", plain(Int32)).omitempty(),
        field("UpdatedReplicas", "updatedReplicas", plain(Int32)).omitempty(),
        field("CurrentRevision", "currentRevision", plain(String)).omitempty(),
        field("UpdateRevision", "updateRevision", plain(String)).omitempty(),
        field("CollisionCount", "collisionCount", pointer(Int32)).omitempty(),
        field("Conditions", "conditions", list(of(&APPSV1_STATEFUL_SET_CONDITION))).omitempty().merged("type"),
        field("AvailableReplicas", "availableReplicas", plain(Int32)),
    ],
    by_json: &[9, 7, 8, 3, 5, 0, 2, 1, 6, 4],
    written: &[9, 1],
};

pub(super) static APPSV1_STATEFUL_SET_UPDATE_STRATEGY: Struct = Struct {
    name: "appsv1.StatefulSetUpdateStrategy",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)).omitempty(),
        field("RollingUpdate", "rollingUpdate", pointer(of(&APPSV1_ROLLING_UPDATE_STATEFUL_SET_STRATEGY))).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static BATCHV1_CRON_JOB: Struct = Struct {
    name: "batchv1.CronJob",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&BATCHV1_CRON_JOB_SPEC))).omitempty(),
        field("Status", "status", plain(of(&BATCHV1_CRON_JOB_STATUS))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[2, 3, 4],
};

pub(super) static BATCHV1_CRON_JOB_SPEC: Struct = Struct {
    name: "batchv1.CronJobSpec",
    embedded: None,
    fields: &[
        field("Schedule", "schedule", plain(String)),
        field("TimeZone", "timeZone", pointer(String)).omitempty(),
        field("StartingDeadlineSeconds", "startingDeadlineSeconds", pointer(Int64)).omitempty(),
        field("ConcurrencyPolicy", "concurrencyPolicy", plain(String)).omitempty(),
        field("Suspend", "suspend", pointer(Bool)).omitempty(),
        field("JobTemplate", "jobTemplate", plain(of(&BATCHV1_JOB_TEMPLATE_SPEC))),
        field("SuccessfulJobsHistoryLimit", "successfulJobsHistoryLimit", pointer(Int32)).omitempty(),
        field("FailedJobsHistoryLimit", "failedJobsHistoryLimit", pointer(Int32)).omitempty(),
    ],
    by_json: &[3, 7, 5, 0, 2, 6, 4, 1],
    written: &[5, 0],
};

pub(super) static BATCHV1_CRON_JOB_STATUS: Struct = Struct {
    name: "batchv1.CronJobStatus",
    embedded: None,
    fields: &[
        field("Active", "active", list(of(&V1_OBJECT_REFERENCE))).omitempty(),
        field("LastScheduleTime", "lastScheduleTime", pointer(Time)).omitempty(),
        field("LastSuccessfulTime", "lastSuccessfulTime", pointer(Time)).omitempty(),
    ],
    by_json: &[0, 1, 2],
    written: &[],
};

pub(super) static BATCHV1_JOB: Struct = Struct {
    name: "batchv1.Job",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&BATCHV1_JOB_SPEC))).omitempty(),
        field("Status", "status", plain(of(&BATCHV1_JOB_STATUS))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[2, 3, 4],
};

pub(super) static BATCHV1_JOB_CONDITION: Struct = Struct {
    name: "batchv1.JobCondition",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)),
        field("Status", "status", plain(String)),
        field("LastProbeTime", "lastProbeTime", plain(Time)).omitempty(),
        field("LastTransitionTime", "lastTransitionTime", plain(Time)).omitempty(),
        field("Reason", "reason", plain(String)).omitempty(),
        field("Message", "message", plain(String)).omitempty(),
    ],
    by_json: &[2, 3, 5, 4, 1, 0],
    written: &[2, 3, 1, 0],
};

pub(super) static BATCHV1_JOB_SCHEDULING_CONFIGURATION: Struct = Struct {
    name: "batchv1.JobSchedulingConfiguration",
    embedded: None,
    fields: &[
        field("SchedulingPolicy", "schedulingPolicy", pointer(Any)).omitempty(),
        field("SchedulingConstraints", "schedulingConstraints", pointer(Any)).omitempty(),
        field("DisruptionMode", "disruptionMode", pointer(Any)).omitempty(),
        field("ResourceClaims", "resourceClaims", list(Any)).omitempty().merged("name"),
    ],
    by_json: &[2, 3, 1, 0],
    written: &[],
};

pub(super) static BATCHV1_JOB_SPEC: Struct = Struct {
    name: "batchv1.JobSpec",
    embedded: None,
    fields: &[
        field("Parallelism", "parallelism", pointer(Int32)).omitempty(),
        field("Completions", "completions", pointer(Int32)).omitempty(),
        field("ActiveDeadlineSeconds", "activeDeadlineSeconds", pointer(Int64)).omitempty(),
        field("PodFailurePolicy", "podFailurePolicy", pointer(of(&BATCHV1_POD_FAILURE_POLICY))).omitempty(),
        field("SuccessPolicy", "successPolicy", pointer(of(&BATCHV1_SUCCESS_POLICY))).omitempty(),
        field("BackoffLimit", "backoffLimit", pointer(Int32)).omitempty(),
        field("BackoffLimitPerIndex", "backoffLimitPerIndex", pointer(Int32)).omitempty(),
        field("MaxFailedIndexes", "maxFailedIndexes", pointer(Int32)).omitempty(),
        field("Selector", "selector", pointer(of(&METAV1_LABEL_SELECTOR))).omitempty(),
        field("ManualSelector", "manualSelector", pointer(Bool)).omitempty(),
        field("Template", "template", plain(of(&V1_POD_TEMPLATE_SPEC))),
        field("TTLSecondsAfterFinished", "ttlSecondsAfterFinished", pointer(Int32)).omitempty(),
        field("CompletionMode", "completionMode", pointer(String)).omitempty(),
        field("Suspend", "suspend", pointer(Bool)).omitempty(),
        field("PodReplacementPolicy", "podReplacementPolicy", pointer(String)).omitempty(),
        field("ManagedBy", "managedBy", pointer(String)).omitempty(),
        field("Scheduling", "scheduling", pointer(of(&BATCHV1_JOB_SCHEDULING_CONFIGURATION))).omitempty(),
    ],
    by_json: &[2, 5, 6, 12, 1, 15, 9, 7, 0, 3, 14, 16, 8, 4, 13, 10, 11],
    written: &[10],
};

pub(super) static BATCHV1_JOB_STATUS: Struct = Struct {
    name: "batchv1.JobStatus",
    embedded: None,
    fields: &[
        field("Conditions", "conditions", list(of(&BATCHV1_JOB_CONDITION))).omitempty().merged("type"),
        field("StartTime", "startTime", pointer(Time)).omitempty(),
        field("CompletionTime", "completionTime", pointer(Time)).omitempty(),
        field("Active", "active", plain(Int32)).omitempty(),
        field("Succeeded", "succeeded", plain(Int32)).omitempty(),
        field("Failed", "failed", plain(Int32)).omitempty(),
        field("Terminating", "terminating", pointer(Int32)).omitempty(),
        field("CompletedIndexes", "completedIndexes", plain(String)).omitempty(),
        field("FailedIndexes", "failedIndexes", pointer(String)).omitempty(),
        field("UncountedTerminatedPods", "uncountedTerminatedPods", pointer(of(&BATCHV1_UNCOUNTED_TERMINATED_PODS)))
            .omitempty(),
        field("Ready", "ready", pointer(Int32)).omitempty(),
    ],
    by_json: &[3, 7, 2, 0, 5, 8, 10, 1, 4, 6, 9],
    written: &[],
};

pub(super) static BATCHV1_JOB_TEMPLATE_SPEC: Struct = Struct {
    name: "batchv1.JobTemplateSpec",
    embedded: None,
    fields: &[
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&BATCHV1_JOB_SPEC))).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[0, 1],
};

pub(super) static BATCHV1_POD_FAILURE_POLICY: Struct = Struct {
    name: "batchv1.PodFailurePolicy",
    embedded: None,
    fields: &[field("Rules", "rules", list(of(&BATCHV1_POD_FAILURE_POLICY_RULE)))],
    by_json: &[0],
    written: &[0],
};

pub(super) static BATCHV1_POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT: Struct = Struct {
    name: "batchv1.PodFailurePolicyOnExitCodesRequirement",
    embedded: None,
    fields: &[
        field("ContainerName", "containerName", pointer(String)).omitempty(),
        field("Operator", "operator", plain(String)),
        field("Values", "values", list(Int32)),
    ],
    by_json: &[0, 1, 2],
    written: &[1, 2],
};

pub(super) static BATCHV1_POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN: Struct = Struct {
    name: "batchv1.PodFailurePolicyOnPodConditionsPattern",
    embedded: None,
    fields: &[field("Type", "type", plain(String)), field("Status", "status", plain(String))],
    by_json: &[1, 0],
    written: &[1, 0],
};

pub(super) static BATCHV1_POD_FAILURE_POLICY_RULE: Struct = Struct {
    name: "batchv1.PodFailurePolicyRule",
    embedded: None,
    fields: &[
        field("Action", "action", plain(String)),
        field("OnExitCodes", "onExitCodes", pointer(of(&BATCHV1_POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT)))
            .omitempty(),
        field("OnPodConditions", "onPodConditions", list(of(&BATCHV1_POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN)))
            .omitempty(),
    ],
    by_json: &[0, 1, 2],
    written: &[0],
};

pub(super) static BATCHV1_SUCCESS_POLICY: Struct = Struct {
    name: "batchv1.SuccessPolicy",
    embedded: None,
    fields: &[field("Rules", "rules", list(of(&BATCHV1_SUCCESS_POLICY_RULE)))],
    by_json: &[0],
    written: &[0],
};

pub(super) static BATCHV1_SUCCESS_POLICY_RULE: Struct = Struct {
    name: "batchv1.SuccessPolicyRule",
    embedded: None,
    fields: &[
        field("SucceededIndexes", "succeededIndexes", pointer(String)).omitempty(),
        field("SucceededCount", "succeededCount", pointer(Int32)).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static BATCHV1_UNCOUNTED_TERMINATED_PODS: Struct = Struct {
    name: "batchv1.UncountedTerminatedPods",
    embedded: None,
    fields: &[
        field("Succeeded", "succeeded", list(String)).omitempty(),
        field("Failed", "failed", list(String)).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static METAV1_LABEL_SELECTOR: Struct = Struct {
    name: "metav1.LabelSelector",
    embedded: None,
    fields: &[
        field("MatchLabels", "matchLabels", map(String)).omitempty(),
        field("MatchExpressions", "matchExpressions", list(of(&METAV1_LABEL_SELECTOR_REQUIREMENT))).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static METAV1_LABEL_SELECTOR_REQUIREMENT: Struct = Struct {
    name: "metav1.LabelSelectorRequirement",
    embedded: None,
    fields: &[
        field("Key", "key", plain(String)),
        field("Operator", "operator", plain(String)),
        field("Values", "values", list(String)).omitempty(),
    ],
    by_json: &[0, 1, 2],
    written: &[0, 1],
};

pub(super) static METAV1_LIST: Struct = Struct {
    name: "metav1.List",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ListMeta", "metadata", plain(of(&METAV1_LIST_META))).omitempty(),
        field("Items", "items", list(Any)),
    ],
    by_json: &[1, 3, 0, 2],
    written: &[3, 2],
};

pub(super) static METAV1_LIST_META: Struct = Struct {
    name: "metav1.ListMeta",
    embedded: None,
    fields: &[
        field("SelfLink", "selfLink", plain(String)).omitempty(),
        field("ResourceVersion", "resourceVersion", plain(String)).omitempty(),
        field("Continue", "continue", plain(String)).omitempty(),
        field("RemainingItemCount", "remainingItemCount", pointer(Int64)).omitempty(),
    ],
    by_json: &[2, 3, 1, 0],
    written: &[],
};

pub(super) static METAV1_OBJECT_META: Struct = Struct {
    name: "metav1.ObjectMeta",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)).omitempty(),
        field("GenerateName", "generateName", plain(String)).omitempty(),
        field("Namespace", "namespace", plain(String)).omitempty(),
        field("SelfLink", "selfLink", plain(String)).omitempty(),
        field("UID", "uid", plain(String)).omitempty(),
        field("ResourceVersion", "resourceVersion", plain(String)).omitempty(),
        field("Generation", "generation", plain(Int64)).omitempty(),
        field("CreationTimestamp", "creationTimestamp", plain(Time)).omitempty().omitzero(),
        field("DeletionTimestamp", "deletionTimestamp", pointer(Time)).omitempty(),
        field("DeletionGracePeriodSeconds", "deletionGracePeriodSeconds", pointer(Int64)).omitempty(),
        field("Labels", "labels", map(String)).omitempty(),
        field("Annotations", "annotations", map(String)).omitempty(),
        field("OwnerReferences", "ownerReferences", list(of(&METAV1_OWNER_REFERENCE))).omitempty().merged("uid"),
        field("Finalizers", "finalizers", list(String)).omitempty().merged(""),
        field("ManagedFields", "managedFields", list(Any)).omitempty(),
    ],
    by_json: &[11, 7, 9, 8, 13, 1, 6, 10, 14, 0, 2, 12, 5, 3, 4],
    written: &[],
};

pub(super) static METAV1_OWNER_REFERENCE: Struct = Struct {
    name: "metav1.OwnerReference",
    embedded: None,
    fields: &[
        field("APIVersion", "apiVersion", plain(String)),
        field("Kind", "kind", plain(String)),
        field("Name", "name", plain(String)),
        field("UID", "uid", plain(String)),
        field("Controller", "controller", pointer(Bool)).omitempty(),
        field("BlockOwnerDeletion", "blockOwnerDeletion", pointer(Bool)).omitempty(),
    ],
    by_json: &[0, 5, 4, 1, 2, 3],
    written: &[0, 1, 2, 3],
};

pub(super) static METAV1_TYPE_META: Struct = Struct {
    name: "metav1.TypeMeta",
    embedded: None,
    fields: &[
        field("Kind", "kind", plain(String)).omitempty(),
        field("APIVersion", "apiVersion", plain(String)).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static OSV1_DEPLOYMENT_CONFIG: Struct = Struct {
    name: "osv1.DeploymentConfig",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&OSV1_DEPLOYMENT_CONFIG_SPEC))),
        field("Status", "status", plain(of(&OSV1_DEPLOYMENT_CONFIG_STATUS))),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[2, 3, 4],
};

pub(super) static OSV1_DEPLOYMENT_CONFIG_SPEC: Struct = Struct {
    name: "osv1.DeploymentConfigSpec",
    embedded: None,
    fields: &[
        field("Strategy", "strategy", plain(of(&OSV1_DEPLOYMENT_STRATEGY))),
        field("MinReadySeconds", "minReadySeconds", plain(Int32)).omitempty(),
        field("Triggers", "triggers", list(Any)),
        field("Replicas", "replicas", plain(Int32)),
        field("RevisionHistoryLimit", "revisionHistoryLimit", pointer(Int32)).omitempty(),
        field("Test", "test", plain(Bool)),
        field("Paused", "paused", plain(Bool)).omitempty(),
        field("Selector", "selector", map(String)).omitempty(),
        field("Template", "template", pointer(of(&V1_POD_TEMPLATE_SPEC))).omitempty(),
    ],
    by_json: &[1, 6, 3, 4, 7, 0, 8, 5, 2],
    written: &[3, 0, 5, 2],
};

pub(super) static OSV1_DEPLOYMENT_CONFIG_STATUS: Struct = Struct {
    name: "osv1.DeploymentConfigStatus",
    embedded: None,
    fields: &[
        field("LatestVersion", "latestVersion", plain(Int64)),
        field("ObservedGeneration", "observedGeneration", plain(Int64)),
        field("Replicas", "replicas", plain(Int32)),
        field("UpdatedReplicas", "updatedReplicas", plain(Int32)),
        field("AvailableReplicas", "availableReplicas", plain(Int32)),
        field("UnavailableReplicas", "unavailableReplicas", plain(Int32)),
        field("Details", "details", pointer(Any)).omitempty(),
        field("Conditions", "conditions", list(Any)).omitempty(),
        field("ReadyReplicas", "readyReplicas", plain(Int32)).omitempty(),
    ],
    by_json: &[4, 7, 6, 0, 1, 8, 2, 5, 3],
    written: &[4, 0, 1, 2, 5, 3],
};

pub(super) static OSV1_DEPLOYMENT_STRATEGY: Struct = Struct {
    name: "osv1.DeploymentStrategy",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)).omitempty(),
        field("CustomParams", "customParams", pointer(Any)).omitempty(),
        field("RecreateParams", "recreateParams", pointer(Any)).omitempty(),
        field("RollingParams", "rollingParams", pointer(Any)).omitempty(),
        field("Resources", "resources", plain(of(&V1_RESOURCE_REQUIREMENTS))).omitempty(),
        field("Labels", "labels", map(String)).omitempty(),
        field("Annotations", "annotations", map(String)).omitempty(),
        field("ActiveDeadlineSeconds", "activeDeadlineSeconds", pointer(Int64)).omitempty(),
    ],
    by_json: &[7, 6, 1, 5, 2, 4, 3, 0],
    written: &[4],
};

pub(super) static V1_AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE: Struct = Struct {
    name: "v1.AWSElasticBlockStoreVolumeSource",
    embedded: None,
    fields: &[
        field("VolumeID", "volumeID", plain(String)),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("Partition", "partition", plain(Int32)).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
    ],
    by_json: &[1, 2, 3, 0],
    written: &[0],
};

pub(super) static V1_AFFINITY: Struct = Struct {
    name: "v1.Affinity",
    embedded: None,
    fields: &[
        field("NodeAffinity", "nodeAffinity", pointer(of(&V1_NODE_AFFINITY))).omitempty(),
        field("PodAffinity", "podAffinity", pointer(of(&V1_POD_AFFINITY))).omitempty(),
        field("PodAntiAffinity", "podAntiAffinity", pointer(of(&V1_POD_ANTI_AFFINITY))).omitempty(),
    ],
    by_json: &[0, 1, 2],
    written: &[],
};

pub(super) static V1_APP_ARMOR_PROFILE: Struct = Struct {
    name: "v1.AppArmorProfile",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)),
        field("LocalhostProfile", "localhostProfile", pointer(String)).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[0],
};

pub(super) static V1_AZURE_DISK_VOLUME_SOURCE: Struct = Struct {
    name: "v1.AzureDiskVolumeSource",
    embedded: None,
    fields: &[
        field("DiskName", "diskName", plain(String)),
        field("DataDiskURI", "diskURI", plain(String)),
        field("CachingMode", "cachingMode", pointer(String)).omitempty(),
        field("FSType", "fsType", pointer(String)).omitempty(),
        field("ReadOnly", "readOnly", pointer(Bool)).omitempty(),
        field("Kind", "kind", pointer(String)).omitempty(),
    ],
    by_json: &[2, 0, 1, 3, 5, 4],
    written: &[0, 1],
};

pub(super) static V1_AZURE_FILE_VOLUME_SOURCE: Struct = Struct {
    name: "v1.AzureFileVolumeSource",
    embedded: None,
    fields: &[
        field("SecretName", "secretName", plain(String)),
        field("ShareName", "shareName", plain(String)),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
    ],
    by_json: &[2, 0, 1],
    written: &[0, 1],
};

pub(super) static V1_CSI_VOLUME_SOURCE: Struct = Struct {
    name: "v1.CSIVolumeSource",
    embedded: None,
    fields: &[
        field("Driver", "driver", plain(String)),
        field("ReadOnly", "readOnly", pointer(Bool)).omitempty(),
        field("FSType", "fsType", pointer(String)).omitempty(),
        field("VolumeAttributes", "volumeAttributes", map(String)).omitempty(),
        field("NodePublishSecretRef", "nodePublishSecretRef", pointer(of(&V1_LOCAL_OBJECT_REFERENCE))).omitempty(),
    ],
    by_json: &[0, 2, 4, 1, 3],
    written: &[0],
};

pub(super) static V1_CAPABILITIES: Struct = Struct {
    name: "v1.Capabilities",
    embedded: None,
    fields: &[field("Add", "add", list(String)).omitempty(), field("Drop", "drop", list(String)).omitempty()],
    by_json: &[0, 1],
    written: &[],
};

pub(super) static V1_CEPH_FS_VOLUME_SOURCE: Struct = Struct {
    name: "v1.CephFSVolumeSource",
    embedded: None,
    fields: &[
        field("Monitors", "monitors", list(String)),
        field("Path", "path", plain(String)).omitempty(),
        field("User", "user", plain(String)).omitempty(),
        field("SecretFile", "secretFile", plain(String)).omitempty(),
        field("SecretRef", "secretRef", pointer(of(&V1_LOCAL_OBJECT_REFERENCE))).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
    ],
    by_json: &[0, 1, 5, 3, 4, 2],
    written: &[0],
};

pub(super) static V1_CINDER_VOLUME_SOURCE: Struct = Struct {
    name: "v1.CinderVolumeSource",
    embedded: None,
    fields: &[
        field("VolumeID", "volumeID", plain(String)),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
        field("SecretRef", "secretRef", pointer(of(&V1_LOCAL_OBJECT_REFERENCE))).omitempty(),
    ],
    by_json: &[1, 2, 3, 0],
    written: &[0],
};

pub(super) static V1_CLUSTER_TRUST_BUNDLE_PROJECTION: Struct = Struct {
    name: "v1.ClusterTrustBundleProjection",
    embedded: None,
    fields: &[
        field("Name", "name", pointer(String)).omitempty(),
        field("SignerName", "signerName", pointer(String)).omitempty(),
        field("LabelSelector", "labelSelector", pointer(of(&METAV1_LABEL_SELECTOR))).omitempty(),
        field("Optional", "optional", pointer(Bool)).omitempty(),
        field("Path", "path", plain(String)),
        field("User", "user", pointer(Int64)).omitempty(),
    ],
    by_json: &[2, 0, 3, 4, 1, 5],
    written: &[4],
};

pub(super) static V1_CONFIG_MAP_ENV_SOURCE: Struct = Struct {
    name: "v1.ConfigMapEnvSource",
    embedded: Some(&V1_LOCAL_OBJECT_REFERENCE),
    fields: &[
        field("Name", "name", plain(String)).omitempty().promoted(),
        field("Optional", "optional", pointer(Bool)).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[],
};

pub(super) static V1_CONFIG_MAP_KEY_SELECTOR: Struct = Struct {
    name: "v1.ConfigMapKeySelector",
    embedded: Some(&V1_LOCAL_OBJECT_REFERENCE),
    fields: &[
        field("Name", "name", plain(String)).omitempty().promoted(),
        field("Key", "key", plain(String)),
        field("Optional", "optional", pointer(Bool)).omitempty(),
    ],
    by_json: &[1, 0, 2],
    written: &[1],
};

pub(super) static V1_CONFIG_MAP_PROJECTION: Struct = Struct {
    name: "v1.ConfigMapProjection",
    embedded: Some(&V1_LOCAL_OBJECT_REFERENCE),
    fields: &[
        field("Name", "name", plain(String)).omitempty().promoted(),
        field("Items", "items", list(of(&V1_KEY_TO_PATH))).omitempty(),
        field("Optional", "optional", pointer(Bool)).omitempty(),
    ],
    by_json: &[1, 0, 2],
    written: &[],
};

pub(super) static V1_CONFIG_MAP_VOLUME_SOURCE: Struct = Struct {
    name: "v1.ConfigMapVolumeSource",
    embedded: Some(&V1_LOCAL_OBJECT_REFERENCE),
    fields: &[
        field("Name", "name", plain(String)).omitempty().promoted(),
        field("Items", "items", list(of(&V1_KEY_TO_PATH))).omitempty(),
        field("DefaultMode", "defaultMode", pointer(Int32)).omitempty(),
        field("Optional", "optional", pointer(Bool)).omitempty(),
        field("DefaultUser", "defaultUser", pointer(Int64)).omitempty(),
    ],
    by_json: &[2, 4, 1, 0, 3],
    written: &[],
};

pub(super) static V1_CONTAINER: Struct = Struct {
    name: "v1.Container",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("Image", "image", plain(String)).omitempty(),
        field("Command", "command", list(String)).omitempty(),
        field("Args", "args", list(String)).omitempty(),
        field("WorkingDir", "workingDir", plain(String)).omitempty(),
        field("Ports", "ports", list(of(&V1_CONTAINER_PORT))).omitempty().merged("containerPort"),
        field("EnvFrom", "envFrom", list(of(&V1_ENV_FROM_SOURCE))).omitempty(),
        field("Env", "env", list(of(&V1_ENV_VAR))).omitempty().merged("name"),
        field("Resources", "resources", plain(of(&V1_RESOURCE_REQUIREMENTS))).omitempty(),
        field("ResizePolicy", "resizePolicy", list(of(&V1_CONTAINER_RESIZE_POLICY))).omitempty(),
        field("RestartPolicy", "restartPolicy", pointer(String)).omitempty(),
        field("RestartPolicyRules", "restartPolicyRules", list(of(&V1_CONTAINER_RESTART_RULE))).omitempty(),
        field("VolumeMounts", "volumeMounts", list(of(&V1_VOLUME_MOUNT))).omitempty().merged("mountPath"),
        field("VolumeDevices", "volumeDevices", list(of(&V1_VOLUME_DEVICE))).omitempty().merged("devicePath"),
        field("LivenessProbe", "livenessProbe", pointer(of(&V1_PROBE))).omitempty(),
        field("ReadinessProbe", "readinessProbe", pointer(of(&V1_PROBE))).omitempty(),
        field("StartupProbe", "startupProbe", pointer(of(&V1_PROBE))).omitempty(),
        field("Lifecycle", "lifecycle", pointer(of(&V1_LIFECYCLE))).omitempty(),
        field("TerminationMessagePath", "terminationMessagePath", plain(String)).omitempty(),
        field("TerminationMessagePolicy", "terminationMessagePolicy", plain(String)).omitempty(),
        field("ImagePullPolicy", "imagePullPolicy", plain(String)).omitempty(),
        field("SecurityContext", "securityContext", pointer(of(&V1_SECURITY_CONTEXT))).omitempty(),
        field("Stdin", "stdin", plain(Bool)).omitempty(),
        field("StdinOnce", "stdinOnce", plain(Bool)).omitempty(),
        field("TTY", "tty", plain(Bool)).omitempty(),
    ],
    by_json: &[3, 2, 7, 6, 1, 20, 17, 14, 0, 5, 15, 9, 8, 10, 11, 21, 16, 22, 23, 18, 19, 24, 13, 12, 4],
    written: &[0, 8],
};

pub(super) static V1_CONTAINER_EXTENDED_RESOURCE_REQUEST: Struct = Struct {
    name: "v1.ContainerExtendedResourceRequest",
    embedded: None,
    fields: &[
        field("ContainerName", "containerName", plain(String)),
        field("ResourceName", "resourceName", plain(String)),
        field("RequestName", "requestName", plain(String)),
    ],
    by_json: &[0, 2, 1],
    written: &[0, 2, 1],
};

pub(super) static V1_CONTAINER_PORT: Struct = Struct {
    name: "v1.ContainerPort",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)).omitempty(),
        field("HostPort", "hostPort", plain(Int32)).omitempty(),
        field("ContainerPort", "containerPort", plain(Int32)),
        field("Protocol", "protocol", plain(String)).omitempty(),
        field("HostIP", "hostIP", plain(String)).omitempty(),
    ],
    by_json: &[2, 4, 1, 0, 3],
    written: &[2],
};

pub(super) static V1_CONTAINER_RESIZE_POLICY: Struct = Struct {
    name: "v1.ContainerResizePolicy",
    embedded: None,
    fields: &[
        field("ResourceName", "resourceName", plain(String)),
        field("RestartPolicy", "restartPolicy", plain(String)),
    ],
    by_json: &[0, 1],
    written: &[0, 1],
};

pub(super) static V1_CONTAINER_RESTART_RULE: Struct = Struct {
    name: "v1.ContainerRestartRule",
    embedded: None,
    fields: &[
        field("Action", "action", plain(String)).omitempty(),
        field("ExitCodes", "exitCodes", pointer(of(&V1_CONTAINER_RESTART_RULE_ON_EXIT_CODES))).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[],
};

pub(super) static V1_CONTAINER_RESTART_RULE_ON_EXIT_CODES: Struct = Struct {
    name: "v1.ContainerRestartRuleOnExitCodes",
    embedded: None,
    fields: &[
        field("Operator", "operator", plain(String)).omitempty(),
        field("Values", "values", list(Int32)).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[],
};

pub(super) static V1_CONTAINER_STATE: Struct = Struct {
    name: "v1.ContainerState",
    embedded: None,
    fields: &[
        field("Waiting", "waiting", pointer(of(&V1_CONTAINER_STATE_WAITING))).omitempty(),
        field("Running", "running", pointer(of(&V1_CONTAINER_STATE_RUNNING))).omitempty(),
        field("Terminated", "terminated", pointer(of(&V1_CONTAINER_STATE_TERMINATED))).omitempty(),
    ],
    by_json: &[1, 2, 0],
    written: &[],
};

pub(super) static V1_CONTAINER_STATE_RUNNING: Struct = Struct {
    name: "v1.ContainerStateRunning",
    embedded: None,
    fields: &[field("StartedAt", "startedAt", plain(Time)).omitempty()],
    by_json: &[0],
    written: &[0],
};

pub(super) static V1_CONTAINER_STATE_TERMINATED: Struct = Struct {
    name: "v1.ContainerStateTerminated",
    embedded: None,
    fields: &[
        field("ExitCode", "exitCode", plain(Int32)),
        field("Signal", "signal", plain(Int32)).omitempty(),
        field("Reason", "reason", plain(String)).omitempty(),
        field("Message", "message", plain(String)).omitempty(),
        field("StartedAt", "startedAt", plain(Time)).omitempty(),
        field("FinishedAt", "finishedAt", plain(Time)).omitempty(),
        field("ContainerID", "containerID", plain(String)).omitempty(),
    ],
    by_json: &[6, 0, 5, 3, 2, 1, 4],
    written: &[0, 5, 4],
};

pub(super) static V1_CONTAINER_STATE_WAITING: Struct = Struct {
    name: "v1.ContainerStateWaiting",
    embedded: None,
    fields: &[
        field("Reason", "reason", plain(String)).omitempty(),
        field("Message", "message", plain(String)).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static V1_CONTAINER_STATUS: Struct = Struct {
    name: "v1.ContainerStatus",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("State", "state", plain(of(&V1_CONTAINER_STATE))).omitempty(),
        field("LastTerminationState", "lastState", plain(of(&V1_CONTAINER_STATE))).omitempty(),
        field("Ready", "ready", plain(Bool)),
        field("RestartCount", "restartCount", plain(Int32)),
        field("Image", "image", plain(String)),
        field("ImageID", "imageID", plain(String)),
        field("ContainerID", "containerID", plain(String)).omitempty(),
        field("Started", "started", pointer(Bool)).omitempty(),
        field("AllocatedResources", "allocatedResources", map(Quantity)).omitempty(),
        field("Resources", "resources", pointer(of(&V1_RESOURCE_REQUIREMENTS))).omitempty(),
        field("VolumeMounts", "volumeMounts", list(of(&V1_VOLUME_MOUNT_STATUS))).omitempty().merged("mountPath"),
        field("User", "user", pointer(of(&V1_CONTAINER_USER))).omitempty(),
        field("AllocatedResourcesStatus", "allocatedResourcesStatus", list(of(&V1_RESOURCE_STATUS)))
            .omitempty()
            .merged("name"),
        field("StopSignal", "stopSignal", pointer(String)).omitempty(),
    ],
    by_json: &[9, 13, 7, 5, 6, 2, 0, 3, 10, 4, 8, 1, 14, 12, 11],
    written: &[5, 6, 2, 0, 3, 4, 1],
};

pub(super) static V1_CONTAINER_USER: Struct = Struct {
    name: "v1.ContainerUser",
    embedded: None,
    fields: &[field("Linux", "linux", pointer(of(&V1_LINUX_CONTAINER_USER))).omitempty()],
    by_json: &[0],
    written: &[],
};

pub(super) static V1_DOWNWARD_API_PROJECTION: Struct = Struct {
    name: "v1.DownwardAPIProjection",
    embedded: None,
    fields: &[field("Items", "items", list(of(&V1_DOWNWARD_API_VOLUME_FILE))).omitempty()],
    by_json: &[0],
    written: &[],
};

pub(super) static V1_DOWNWARD_API_VOLUME_FILE: Struct = Struct {
    name: "v1.DownwardAPIVolumeFile",
    embedded: None,
    fields: &[
        field("Path", "path", plain(String)),
        field("FieldRef", "fieldRef", pointer(of(&V1_OBJECT_FIELD_SELECTOR))).omitempty(),
        field("ResourceFieldRef", "resourceFieldRef", pointer(of(&V1_RESOURCE_FIELD_SELECTOR))).omitempty(),
        field("Mode", "mode", pointer(Int32)).omitempty(),
        field("User", "user", pointer(Int64)).omitempty(),
    ],
    by_json: &[1, 3, 0, 2, 4],
    written: &[0],
};

pub(super) static V1_DOWNWARD_API_VOLUME_SOURCE: Struct = Struct {
    name: "v1.DownwardAPIVolumeSource",
    embedded: None,
    fields: &[
        field("Items", "items", list(of(&V1_DOWNWARD_API_VOLUME_FILE))).omitempty(),
        field("DefaultMode", "defaultMode", pointer(Int32)).omitempty(),
        field("DefaultUser", "defaultUser", pointer(Int64)).omitempty(),
    ],
    by_json: &[1, 2, 0],
    written: &[],
};

pub(super) static V1_EMPTY_DIR_VOLUME_SOURCE: Struct = Struct {
    name: "v1.EmptyDirVolumeSource",
    embedded: None,
    fields: &[
        field("Medium", "medium", plain(String)).omitempty(),
        field("SizeLimit", "sizeLimit", pointer(Quantity)).omitempty(),
        field("Mode", "mode", pointer(Int32)).omitempty(),
    ],
    by_json: &[0, 2, 1],
    written: &[],
};

pub(super) static V1_ENV_FROM_SOURCE: Struct = Struct {
    name: "v1.EnvFromSource",
    embedded: None,
    fields: &[
        field("Prefix", "prefix", plain(String)).omitempty(),
        field("ConfigMapRef", "configMapRef", pointer(of(&V1_CONFIG_MAP_ENV_SOURCE))).omitempty(),
        field("SecretRef", "secretRef", pointer(of(&V1_SECRET_ENV_SOURCE))).omitempty(),
    ],
    by_json: &[1, 0, 2],
    written: &[],
};

pub(super) static V1_ENV_VAR: Struct = Struct {
    name: "v1.EnvVar",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("Value", "value", plain(String)).omitempty(),
        field("ValueFrom", "valueFrom", pointer(of(&V1_ENV_VAR_SOURCE))).omitempty(),
    ],
    by_json: &[0, 1, 2],
    written: &[0],
};

pub(super) static V1_ENV_VAR_SOURCE: Struct = Struct {
    name: "v1.EnvVarSource",
    embedded: None,
    fields: &[
        field("FieldRef", "fieldRef", pointer(of(&V1_OBJECT_FIELD_SELECTOR))).omitempty(),
        field("ResourceFieldRef", "resourceFieldRef", pointer(of(&V1_RESOURCE_FIELD_SELECTOR))).omitempty(),
        field("ConfigMapKeyRef", "configMapKeyRef", pointer(of(&V1_CONFIG_MAP_KEY_SELECTOR))).omitempty(),
        field("SecretKeyRef", "secretKeyRef", pointer(of(&V1_SECRET_KEY_SELECTOR))).omitempty(),
        field("FileKeyRef", "fileKeyRef", pointer(of(&V1_FILE_KEY_SELECTOR))).omitempty(),
    ],
    by_json: &[2, 0, 4, 1, 3],
    written: &[],
};

pub(super) static V1_EPHEMERAL_CONTAINER: Struct = Struct {
    name: "v1.EphemeralContainer",
    embedded: Some(&V1_EPHEMERAL_CONTAINER_COMMON),
    fields: &[
        field("Name", "name", plain(String)).promoted(),
        field("Image", "image", plain(String)).omitempty().promoted(),
        field("Command", "command", list(String)).omitempty().promoted(),
        field("Args", "args", list(String)).omitempty().promoted(),
        field("WorkingDir", "workingDir", plain(String)).omitempty().promoted(),
        field("Ports", "ports", list(of(&V1_CONTAINER_PORT))).omitempty().merged("containerPort").promoted(),
        field("EnvFrom", "envFrom", list(of(&V1_ENV_FROM_SOURCE))).omitempty().promoted(),
        field("Env", "env", list(of(&V1_ENV_VAR))).omitempty().merged("name").promoted(),
        field("Resources", "resources", plain(of(&V1_RESOURCE_REQUIREMENTS))).omitempty().promoted(),
        field("ResizePolicy", "resizePolicy", list(of(&V1_CONTAINER_RESIZE_POLICY))).omitempty().promoted(),
        field("RestartPolicy", "restartPolicy", pointer(String)).omitempty().promoted(),
        field("RestartPolicyRules", "restartPolicyRules", list(of(&V1_CONTAINER_RESTART_RULE))).omitempty().promoted(),
        field("VolumeMounts", "volumeMounts", list(of(&V1_VOLUME_MOUNT))).omitempty().merged("mountPath").promoted(),
        field("VolumeDevices", "volumeDevices", list(of(&V1_VOLUME_DEVICE)))
            .omitempty()
            .merged("devicePath")
            .promoted(),
        field("LivenessProbe", "livenessProbe", pointer(of(&V1_PROBE))).omitempty().promoted(),
        field("ReadinessProbe", "readinessProbe", pointer(of(&V1_PROBE))).omitempty().promoted(),
        field("StartupProbe", "startupProbe", pointer(of(&V1_PROBE))).omitempty().promoted(),
        field("Lifecycle", "lifecycle", pointer(of(&V1_LIFECYCLE))).omitempty().promoted(),
        field("TerminationMessagePath", "terminationMessagePath", plain(String)).omitempty().promoted(),
        field("TerminationMessagePolicy", "terminationMessagePolicy", plain(String)).omitempty().promoted(),
        field("ImagePullPolicy", "imagePullPolicy", plain(String)).omitempty().promoted(),
        field("SecurityContext", "securityContext", pointer(of(&V1_SECURITY_CONTEXT))).omitempty().promoted(),
        field("Stdin", "stdin", plain(Bool)).omitempty().promoted(),
        field("StdinOnce", "stdinOnce", plain(Bool)).omitempty().promoted(),
        field("TTY", "tty", plain(Bool)).omitempty().promoted(),
        field("TargetContainerName", "targetContainerName", plain(String)).omitempty(),
    ],
    by_json: &[3, 2, 7, 6, 1, 20, 17, 14, 0, 5, 15, 9, 8, 10, 11, 21, 16, 22, 23, 25, 18, 19, 24, 13, 12, 4],
    written: &[0, 8],
};

pub(super) static V1_EPHEMERAL_CONTAINER_COMMON: Struct = Struct {
    name: "v1.EphemeralContainerCommon",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("Image", "image", plain(String)).omitempty(),
        field("Command", "command", list(String)).omitempty(),
        field("Args", "args", list(String)).omitempty(),
        field("WorkingDir", "workingDir", plain(String)).omitempty(),
        field("Ports", "ports", list(of(&V1_CONTAINER_PORT))).omitempty().merged("containerPort"),
        field("EnvFrom", "envFrom", list(of(&V1_ENV_FROM_SOURCE))).omitempty(),
        field("Env", "env", list(of(&V1_ENV_VAR))).omitempty().merged("name"),
        field("Resources", "resources", plain(of(&V1_RESOURCE_REQUIREMENTS))).omitempty(),
        field("ResizePolicy", "resizePolicy", list(of(&V1_CONTAINER_RESIZE_POLICY))).omitempty(),
        field("RestartPolicy", "restartPolicy", pointer(String)).omitempty(),
        field("RestartPolicyRules", "restartPolicyRules", list(of(&V1_CONTAINER_RESTART_RULE))).omitempty(),
        field("VolumeMounts", "volumeMounts", list(of(&V1_VOLUME_MOUNT))).omitempty().merged("mountPath"),
        field("VolumeDevices", "volumeDevices", list(of(&V1_VOLUME_DEVICE))).omitempty().merged("devicePath"),
        field("LivenessProbe", "livenessProbe", pointer(of(&V1_PROBE))).omitempty(),
        field("ReadinessProbe", "readinessProbe", pointer(of(&V1_PROBE))).omitempty(),
        field("StartupProbe", "startupProbe", pointer(of(&V1_PROBE))).omitempty(),
        field("Lifecycle", "lifecycle", pointer(of(&V1_LIFECYCLE))).omitempty(),
        field("TerminationMessagePath", "terminationMessagePath", plain(String)).omitempty(),
        field("TerminationMessagePolicy", "terminationMessagePolicy", plain(String)).omitempty(),
        field("ImagePullPolicy", "imagePullPolicy", plain(String)).omitempty(),
        field("SecurityContext", "securityContext", pointer(of(&V1_SECURITY_CONTEXT))).omitempty(),
        field("Stdin", "stdin", plain(Bool)).omitempty(),
        field("StdinOnce", "stdinOnce", plain(Bool)).omitempty(),
        field("TTY", "tty", plain(Bool)).omitempty(),
    ],
    by_json: &[3, 2, 7, 6, 1, 20, 17, 14, 0, 5, 15, 9, 8, 10, 11, 21, 16, 22, 23, 18, 19, 24, 13, 12, 4],
    written: &[0, 8],
};

pub(super) static V1_EPHEMERAL_VOLUME_SOURCE: Struct = Struct {
    name: "v1.EphemeralVolumeSource",
    embedded: None,
    fields: &[field("VolumeClaimTemplate", "volumeClaimTemplate", pointer(of(&V1_PERSISTENT_VOLUME_CLAIM_TEMPLATE)))
        .omitempty()],
    by_json: &[0],
    written: &[],
};

pub(super) static V1_EVICTION_RESPONDER: Struct = Struct {
    name: "v1.EvictionResponder",
    embedded: None,
    fields: &[field("Name", "name", plain(String)), field("Priority", "priority", pointer(Int32))],
    by_json: &[0, 1],
    written: &[0, 1],
};

pub(super) static V1_EXEC_ACTION: Struct = Struct {
    name: "v1.ExecAction",
    embedded: None,
    fields: &[field("Command", "command", list(String)).omitempty()],
    by_json: &[0],
    written: &[],
};

pub(super) static V1_FC_VOLUME_SOURCE: Struct = Struct {
    name: "v1.FCVolumeSource",
    embedded: None,
    fields: &[
        field("TargetWWNs", "targetWWNs", list(String)).omitempty(),
        field("Lun", "lun", pointer(Int32)).omitempty(),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
        field("WWIDs", "wwids", list(String)).omitempty(),
    ],
    by_json: &[2, 1, 3, 0, 4],
    written: &[],
};

pub(super) static V1_FILE_KEY_SELECTOR: Struct = Struct {
    name: "v1.FileKeySelector",
    embedded: None,
    fields: &[
        field("VolumeName", "volumeName", plain(String)),
        field("Path", "path", plain(String)),
        field("Key", "key", plain(String)),
        field("Optional", "optional", pointer(Bool)).omitempty(),
    ],
    by_json: &[2, 3, 1, 0],
    written: &[2, 1, 0],
};

pub(super) static V1_FLEX_VOLUME_SOURCE: Struct = Struct {
    name: "v1.FlexVolumeSource",
    embedded: None,
    fields: &[
        field("Driver", "driver", plain(String)),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("SecretRef", "secretRef", pointer(of(&V1_LOCAL_OBJECT_REFERENCE))).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
        field("Options", "options", map(String)).omitempty(),
    ],
    by_json: &[0, 1, 4, 3, 2],
    written: &[0],
};

pub(super) static V1_FLOCKER_VOLUME_SOURCE: Struct = Struct {
    name: "v1.FlockerVolumeSource",
    embedded: None,
    fields: &[
        field("DatasetName", "datasetName", plain(String)).omitempty(),
        field("DatasetUUID", "datasetUUID", plain(String)).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[],
};

pub(super) static V1_GCE_PERSISTENT_DISK_VOLUME_SOURCE: Struct = Struct {
    name: "v1.GCEPersistentDiskVolumeSource",
    embedded: None,
    fields: &[
        field("PDName", "pdName", plain(String)),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("Partition", "partition", plain(Int32)).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
    ],
    by_json: &[1, 2, 0, 3],
    written: &[0],
};

pub(super) static V1_GRPC_ACTION: Struct = Struct {
    name: "v1.GRPCAction",
    embedded: None,
    fields: &[
        field("Port", "port", plain(Int32)),
        field("Service", "service", pointer(String)),
        field("Mode", "mode", pointer(String)).omitempty(),
    ],
    by_json: &[2, 0, 1],
    written: &[0, 1],
};

pub(super) static V1_GIT_REPO_VOLUME_SOURCE: Struct = Struct {
    name: "v1.GitRepoVolumeSource",
    embedded: None,
    fields: &[
        field("Repository", "repository", plain(String)),
        field("Revision", "revision", plain(String)).omitempty(),
        field("Directory", "directory", plain(String)).omitempty(),
    ],
    by_json: &[2, 0, 1],
    written: &[0],
};

pub(super) static V1_GLUSTERFS_VOLUME_SOURCE: Struct = Struct {
    name: "v1.GlusterfsVolumeSource",
    embedded: None,
    fields: &[
        field("EndpointsName", "endpoints", plain(String)),
        field("Path", "path", plain(String)),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
    ],
    by_json: &[0, 1, 2],
    written: &[0, 1],
};

pub(super) static V1_HTTP_GET_ACTION: Struct = Struct {
    name: "v1.HTTPGetAction",
    embedded: None,
    fields: &[
        field("Path", "path", plain(String)).omitempty(),
        field("Port", "port", plain(IntOrString)),
        field("Host", "host", plain(String)).omitempty(),
        field("Scheme", "scheme", plain(String)).omitempty(),
        field("HTTPHeaders", "httpHeaders", list(of(&V1_HTTP_HEADER))).omitempty(),
        field("Protocol", "protocol", pointer(String)).omitempty(),
    ],
    by_json: &[2, 4, 0, 1, 5, 3],
    written: &[1],
};

pub(super) static V1_HTTP_HEADER: Struct = Struct {
    name: "v1.HTTPHeader",
    embedded: None,
    fields: &[field("Name", "name", plain(String)), field("Value", "value", plain(String))],
    by_json: &[0, 1],
    written: &[0, 1],
};

pub(super) static V1_HOST_ALIAS: Struct = Struct {
    name: "v1.HostAlias",
    embedded: None,
    fields: &[field("IP", "ip", plain(String)), field("Hostnames", "hostnames", list(String)).omitempty()],
    by_json: &[1, 0],
    written: &[0],
};

pub(super) static V1_HOST_IP: Struct = Struct {
    name: "v1.HostIP",
    embedded: None,
    fields: &[field("IP", "ip", plain(String))],
    by_json: &[0],
    written: &[0],
};

pub(super) static V1_HOST_PATH_VOLUME_SOURCE: Struct = Struct {
    name: "v1.HostPathVolumeSource",
    embedded: None,
    fields: &[field("Path", "path", plain(String)), field("Type", "type", pointer(String)).omitempty()],
    by_json: &[0, 1],
    written: &[0],
};

pub(super) static V1_ISCSI_VOLUME_SOURCE: Struct = Struct {
    name: "v1.ISCSIVolumeSource",
    embedded: None,
    fields: &[
        field("TargetPortal", "targetPortal", plain(String)),
        field("IQN", "iqn", plain(String)),
        field("Lun", "lun", plain(Int32)),
        field("ISCSIInterface", "iscsiInterface", plain(String)).omitempty(),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
        field("Portals", "portals", list(String)).omitempty(),
        field("DiscoveryCHAPAuth", "chapAuthDiscovery", plain(Bool)).omitempty(),
        field("SessionCHAPAuth", "chapAuthSession", plain(Bool)).omitempty(),
        field("SecretRef", "secretRef", pointer(of(&V1_LOCAL_OBJECT_REFERENCE))).omitempty(),
        field("InitiatorName", "initiatorName", pointer(String)).omitempty(),
    ],
    by_json: &[7, 8, 4, 10, 1, 3, 2, 6, 5, 9, 0],
    written: &[1, 2, 0],
};

pub(super) static V1_IMAGE_VOLUME_SOURCE: Struct = Struct {
    name: "v1.ImageVolumeSource",
    embedded: None,
    fields: &[
        field("Reference", "reference", plain(String)).omitempty(),
        field("PullPolicy", "pullPolicy", plain(String)).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static V1_IMAGE_VOLUME_STATUS: Struct = Struct {
    name: "v1.ImageVolumeStatus",
    embedded: None,
    fields: &[field("ImageRef", "imageRef", plain(String)).omitempty()],
    by_json: &[0],
    written: &[],
};

pub(super) static V1_KEY_TO_PATH: Struct = Struct {
    name: "v1.KeyToPath",
    embedded: None,
    fields: &[
        field("Key", "key", plain(String)),
        field("Path", "path", plain(String)),
        field("Mode", "mode", pointer(Int32)).omitempty(),
        field("User", "user", pointer(Int64)).omitempty(),
    ],
    by_json: &[0, 2, 1, 3],
    written: &[0, 1],
};

pub(super) static V1_LIFECYCLE: Struct = Struct {
    name: "v1.Lifecycle",
    embedded: None,
    fields: &[
        field("PostStart", "postStart", pointer(of(&V1_LIFECYCLE_HANDLER))).omitempty(),
        field("PreStop", "preStop", pointer(of(&V1_LIFECYCLE_HANDLER))).omitempty(),
        field("StopSignal", "stopSignal", pointer(String)).omitempty(),
    ],
    by_json: &[0, 1, 2],
    written: &[],
};

pub(super) static V1_LIFECYCLE_HANDLER: Struct = Struct {
    name: "v1.LifecycleHandler",
    embedded: None,
    fields: &[
        field("Exec", "exec", pointer(of(&V1_EXEC_ACTION))).omitempty(),
        field("HTTPGet", "httpGet", pointer(of(&V1_HTTP_GET_ACTION))).omitempty(),
        field("TCPSocket", "tcpSocket", pointer(of(&V1_TCP_SOCKET_ACTION))).omitempty(),
        field("Sleep", "sleep", pointer(of(&V1_SLEEP_ACTION))).omitempty(),
    ],
    by_json: &[0, 1, 3, 2],
    written: &[],
};

pub(super) static V1_LINUX_CONTAINER_USER: Struct = Struct {
    name: "v1.LinuxContainerUser",
    embedded: None,
    fields: &[
        field("UID", "uid", plain(Int64)),
        field("GID", "gid", plain(Int64)),
        field("SupplementalGroups", "supplementalGroups", list(Int64)).omitempty(),
    ],
    by_json: &[1, 2, 0],
    written: &[1, 0],
};

pub(super) static V1_LOCAL_OBJECT_REFERENCE: Struct = Struct {
    name: "v1.LocalObjectReference",
    embedded: None,
    fields: &[field("Name", "name", plain(String)).omitempty()],
    by_json: &[0],
    written: &[],
};

pub(super) static V1_MODIFY_VOLUME_STATUS: Struct = Struct {
    name: "v1.ModifyVolumeStatus",
    embedded: None,
    fields: &[
        field("TargetVolumeAttributesClassName", "targetVolumeAttributesClassName", plain(String)).omitempty(),
        field("Status", "status", plain(String)),
    ],
    by_json: &[1, 0],
    written: &[1],
};

pub(super) static V1_NFS_VOLUME_SOURCE: Struct = Struct {
    name: "v1.NFSVolumeSource",
    embedded: None,
    fields: &[
        field("Server", "server", plain(String)),
        field("Path", "path", plain(String)),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
    ],
    by_json: &[1, 2, 0],
    written: &[1, 0],
};

pub(super) static V1_NODE_AFFINITY: Struct = Struct {
    name: "v1.NodeAffinity",
    embedded: None,
    fields: &[
        field(
            "RequiredDuringSchedulingIgnoredDuringExecution",
            "requiredDuringSchedulingIgnoredDuringExecution",
            pointer(of(&V1_NODE_SELECTOR)),
        )
        .omitempty(),
        field(
            "PreferredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
            list(of(&V1_PREFERRED_SCHEDULING_TERM)),
        )
        .omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static V1_NODE_ALLOCATABLE_MAPPED_RESOURCES: Struct = Struct {
    name: "v1.NodeAllocatableMappedResources",
    embedded: None,
    fields: &[field("Name", "name", plain(String)), field("Quantity", "quantity", pointer(Quantity))],
    by_json: &[0, 1],
    written: &[0, 1],
};

pub(super) static V1_NODE_ALLOCATABLE_OVERHEAD_RESOURCES: Struct = Struct {
    name: "v1.NodeAllocatableOverheadResources",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("PerPod", "perPod", pointer(Quantity)).omitempty(),
        field("PerContainer", "perContainer", pointer(Quantity)).omitempty(),
    ],
    by_json: &[0, 2, 1],
    written: &[0],
};

pub(super) static V1_NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS: Struct = Struct {
    name: "v1.NodeAllocatableResourceClaimStatus",
    embedded: None,
    fields: &[
        field("ResourceClaimName", "resourceClaimName", plain(String)),
        field("Containers", "containers", list(String)).omitempty(),
        field("Mapping", "mapping", list(of(&V1_NODE_ALLOCATABLE_MAPPED_RESOURCES))).omitempty().merged("name"),
        field("Overhead", "overhead", list(of(&V1_NODE_ALLOCATABLE_OVERHEAD_RESOURCES))).omitempty().merged("name"),
    ],
    by_json: &[1, 2, 3, 0],
    written: &[0],
};

pub(super) static V1_NODE_SELECTOR: Struct = Struct {
    name: "v1.NodeSelector",
    embedded: None,
    fields: &[field("NodeSelectorTerms", "nodeSelectorTerms", list(of(&V1_NODE_SELECTOR_TERM)))],
    by_json: &[0],
    written: &[0],
};

pub(super) static V1_NODE_SELECTOR_REQUIREMENT: Struct = Struct {
    name: "v1.NodeSelectorRequirement",
    embedded: None,
    fields: &[
        field("Key", "key", plain(String)),
        field("Operator", "operator", plain(String)),
        field("Values", "values", list(String)).omitempty(),
    ],
    by_json: &[0, 1, 2],
    written: &[0, 1],
};

pub(super) static V1_NODE_SELECTOR_TERM: Struct = Struct {
    name: "v1.NodeSelectorTerm",
    embedded: None,
    fields: &[
        field("MatchExpressions", "matchExpressions", list(of(&V1_NODE_SELECTOR_REQUIREMENT))).omitempty(),
        field("MatchFields", "matchFields", list(of(&V1_NODE_SELECTOR_REQUIREMENT))).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[],
};

pub(super) static V1_OBJECT_FIELD_SELECTOR: Struct = Struct {
    name: "v1.ObjectFieldSelector",
    embedded: None,
    fields: &[
        field("APIVersion", "apiVersion", plain(String)).omitempty(),
        field("FieldPath", "fieldPath", plain(String)),
    ],
    by_json: &[0, 1],
    written: &[1],
};

pub(super) static V1_OBJECT_REFERENCE: Struct = Struct {
    name: "v1.ObjectReference",
    embedded: None,
    fields: &[
        field("Kind", "kind", plain(String)).omitempty(),
        field("Namespace", "namespace", plain(String)).omitempty(),
        field("Name", "name", plain(String)).omitempty(),
        field("UID", "uid", plain(String)).omitempty(),
        field("APIVersion", "apiVersion", plain(String)).omitempty(),
        field("ResourceVersion", "resourceVersion", plain(String)).omitempty(),
        field("FieldPath", "fieldPath", plain(String)).omitempty(),
    ],
    by_json: &[4, 6, 0, 2, 1, 5, 3],
    written: &[],
};

pub(super) static V1_PERSISTENT_VOLUME_CLAIM: Struct = Struct {
    name: "v1.PersistentVolumeClaim",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&V1_PERSISTENT_VOLUME_CLAIM_SPEC))).omitempty(),
        field("Status", "status", plain(of(&V1_PERSISTENT_VOLUME_CLAIM_STATUS))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[2, 3, 4],
};

pub(super) static V1_PERSISTENT_VOLUME_CLAIM_CONDITION: Struct = Struct {
    name: "v1.PersistentVolumeClaimCondition",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)),
        field("Status", "status", plain(String)),
        field("LastProbeTime", "lastProbeTime", plain(Time)).omitempty(),
        field("LastTransitionTime", "lastTransitionTime", plain(Time)).omitempty(),
        field("Reason", "reason", plain(String)).omitempty(),
        field("Message", "message", plain(String)).omitempty(),
    ],
    by_json: &[2, 3, 5, 4, 1, 0],
    written: &[2, 3, 1, 0],
};

pub(super) static V1_PERSISTENT_VOLUME_CLAIM_SPEC: Struct = Struct {
    name: "v1.PersistentVolumeClaimSpec",
    embedded: None,
    fields: &[
        field("AccessModes", "accessModes", list(String)).omitempty(),
        field("Selector", "selector", pointer(of(&METAV1_LABEL_SELECTOR))).omitempty(),
        field("Resources", "resources", plain(of(&V1_VOLUME_RESOURCE_REQUIREMENTS))).omitempty(),
        field("VolumeName", "volumeName", plain(String)).omitempty(),
        field("StorageClassName", "storageClassName", pointer(String)).omitempty(),
        field("VolumeMode", "volumeMode", pointer(String)).omitempty(),
        field("DataSource", "dataSource", pointer(of(&V1_TYPED_LOCAL_OBJECT_REFERENCE))).omitempty(),
        field("DataSourceRef", "dataSourceRef", pointer(of(&V1_TYPED_OBJECT_REFERENCE))).omitempty(),
        field("VolumeAttributesClassName", "volumeAttributesClassName", pointer(String)).omitempty(),
    ],
    by_json: &[0, 6, 7, 2, 1, 4, 8, 5, 3],
    written: &[2],
};

pub(super) static V1_PERSISTENT_VOLUME_CLAIM_STATUS: Struct = Struct {
    name: "v1.PersistentVolumeClaimStatus",
    embedded: None,
    fields: &[
        field("Phase", "phase", plain(String)).omitempty(),
        field("AccessModes", "accessModes", list(String)).omitempty(),
        field("Capacity", "capacity", map(Quantity)).omitempty(),
        field("Conditions", "conditions", list(of(&V1_PERSISTENT_VOLUME_CLAIM_CONDITION))).omitempty().merged("type"),
        field("AllocatedResources", "allocatedResources", map(Quantity)).omitempty(),
        field("AllocatedResourceStatuses", "allocatedResourceStatuses", map(String)).omitempty(),
        field("CurrentVolumeAttributesClassName", "currentVolumeAttributesClassName", pointer(String)).omitempty(),
        field("ModifyVolumeStatus", "modifyVolumeStatus", pointer(of(&V1_MODIFY_VOLUME_STATUS))).omitempty(),
        field("HealthStatus", "healthStatus", pointer(of(&V1_VOLUME_HEALTH_STATUS))).omitempty(),
    ],
    by_json: &[1, 5, 4, 2, 3, 6, 8, 7, 0],
    written: &[],
};

pub(super) static V1_PERSISTENT_VOLUME_CLAIM_TEMPLATE: Struct = Struct {
    name: "v1.PersistentVolumeClaimTemplate",
    embedded: None,
    fields: &[
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&V1_PERSISTENT_VOLUME_CLAIM_SPEC))),
    ],
    by_json: &[0, 1],
    written: &[0, 1],
};

pub(super) static V1_PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE: Struct = Struct {
    name: "v1.PersistentVolumeClaimVolumeSource",
    embedded: None,
    fields: &[field("ClaimName", "claimName", plain(String)), field("ReadOnly", "readOnly", plain(Bool)).omitempty()],
    by_json: &[0, 1],
    written: &[0],
};

pub(super) static V1_PHOTON_PERSISTENT_DISK_VOLUME_SOURCE: Struct = Struct {
    name: "v1.PhotonPersistentDiskVolumeSource",
    embedded: None,
    fields: &[field("PdID", "pdID", plain(String)), field("FSType", "fsType", plain(String)).omitempty()],
    by_json: &[1, 0],
    written: &[0],
};

pub(super) static V1_POD: Struct = Struct {
    name: "v1.Pod",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&V1_POD_SPEC))).omitempty(),
        field("Status", "status", plain(of(&V1_POD_STATUS))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[2, 3, 4],
};

pub(super) static V1_POD_AFFINITY: Struct = Struct {
    name: "v1.PodAffinity",
    embedded: None,
    fields: &[
        field(
            "RequiredDuringSchedulingIgnoredDuringExecution",
            "requiredDuringSchedulingIgnoredDuringExecution",
            list(of(&V1_POD_AFFINITY_TERM)),
        )
        .omitempty(),
        field(
            "PreferredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
            list(of(&V1_WEIGHTED_POD_AFFINITY_TERM)),
        )
        .omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static V1_POD_AFFINITY_TERM: Struct = Struct {
    name: "v1.PodAffinityTerm",
    embedded: None,
    fields: &[
        field("LabelSelector", "labelSelector", pointer(of(&METAV1_LABEL_SELECTOR))).omitempty(),
        field("Namespaces", "namespaces", list(String)).omitempty(),
        field("TopologyKey", "topologyKey", plain(String)),
        field("NamespaceSelector", "namespaceSelector", pointer(of(&METAV1_LABEL_SELECTOR))).omitempty(),
        field("MatchLabelKeys", "matchLabelKeys", list(String)).omitempty(),
        field("MismatchLabelKeys", "mismatchLabelKeys", list(String)).omitempty(),
    ],
    by_json: &[0, 4, 5, 3, 1, 2],
    written: &[2],
};

pub(super) static V1_POD_ANTI_AFFINITY: Struct = Struct {
    name: "v1.PodAntiAffinity",
    embedded: None,
    fields: &[
        field(
            "RequiredDuringSchedulingIgnoredDuringExecution",
            "requiredDuringSchedulingIgnoredDuringExecution",
            list(of(&V1_POD_AFFINITY_TERM)),
        )
        .omitempty(),
        field(
            "PreferredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
            list(of(&V1_WEIGHTED_POD_AFFINITY_TERM)),
        )
        .omitempty(),
    ],
    by_json: &[1, 0],
    written: &[],
};

pub(super) static V1_POD_CERTIFICATE_PROJECTION: Struct = Struct {
    name: "v1.PodCertificateProjection",
    embedded: None,
    fields: &[
        field("SignerName", "signerName", plain(String)).omitempty(),
        field("KeyType", "keyType", plain(String)).omitempty(),
        field("MaxExpirationSeconds", "maxExpirationSeconds", pointer(Int32)).omitempty(),
        field("CredentialBundlePath", "credentialBundlePath", plain(String)).omitempty(),
        field("KeyPath", "keyPath", plain(String)).omitempty(),
        field("CertificateChainPath", "certificateChainPath", plain(String)).omitempty(),
        field("UserAnnotations", "userAnnotations", map(String)).omitempty(),
        field("User", "user", pointer(Int64)).omitempty(),
    ],
    by_json: &[5, 3, 4, 1, 2, 0, 7, 6],
    written: &[],
};

pub(super) static V1_POD_CONDITION: Struct = Struct {
    name: "v1.PodCondition",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)),
        field("ObservedGeneration", "observedGeneration", plain(Int64)).omitempty(),
        field("Status", "status", plain(String)),
        field("LastProbeTime", "lastProbeTime", plain(Time)).omitempty(),
        field("LastTransitionTime", "lastTransitionTime", plain(Time)).omitempty(),
        field("Reason", "reason", plain(String)).omitempty(),
        field("Message", "message", plain(String)).omitempty(),
    ],
    by_json: &[3, 4, 6, 1, 5, 2, 0],
    written: &[3, 4, 2, 0],
};

pub(super) static V1_POD_DNS_CONFIG: Struct = Struct {
    name: "v1.PodDNSConfig",
    embedded: None,
    fields: &[
        field("Nameservers", "nameservers", list(String)).omitempty(),
        field("Searches", "searches", list(String)).omitempty(),
        field("Options", "options", list(of(&V1_POD_DNS_CONFIG_OPTION))).omitempty(),
    ],
    by_json: &[0, 2, 1],
    written: &[],
};

pub(super) static V1_POD_DNS_CONFIG_OPTION: Struct = Struct {
    name: "v1.PodDNSConfigOption",
    embedded: None,
    fields: &[field("Name", "name", plain(String)).omitempty(), field("Value", "value", pointer(String)).omitempty()],
    by_json: &[0, 1],
    written: &[],
};

pub(super) static V1_POD_EXTENDED_RESOURCE_CLAIM_STATUS: Struct = Struct {
    name: "v1.PodExtendedResourceClaimStatus",
    embedded: None,
    fields: &[
        field("RequestMappings", "requestMappings", list(of(&V1_CONTAINER_EXTENDED_RESOURCE_REQUEST))),
        field("ResourceClaimName", "resourceClaimName", plain(String)),
    ],
    by_json: &[0, 1],
    written: &[0, 1],
};

pub(super) static V1_POD_IP: Struct = Struct {
    name: "v1.PodIP",
    embedded: None,
    fields: &[field("IP", "ip", plain(String))],
    by_json: &[0],
    written: &[0],
};

pub(super) static V1_POD_OS: Struct = Struct {
    name: "v1.PodOS",
    embedded: None,
    fields: &[field("Name", "name", plain(String))],
    by_json: &[0],
    written: &[0],
};

pub(super) static V1_POD_READINESS_GATE: Struct = Struct {
    name: "v1.PodReadinessGate",
    embedded: None,
    fields: &[field("ConditionType", "conditionType", plain(String))],
    by_json: &[0],
    written: &[0],
};

pub(super) static V1_POD_RESOURCE_CLAIM: Struct = Struct {
    name: "v1.PodResourceClaim",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("ResourceClaimName", "resourceClaimName", pointer(String)).omitempty(),
        field("ResourceClaimTemplateName", "resourceClaimTemplateName", pointer(String)).omitempty(),
    ],
    by_json: &[0, 1, 2],
    written: &[0],
};

pub(super) static V1_POD_RESOURCE_CLAIM_STATUS: Struct = Struct {
    name: "v1.PodResourceClaimStatus",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("ResourceClaimName", "resourceClaimName", pointer(String)).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[0],
};

pub(super) static V1_POD_SCHEDULING_GATE: Struct = Struct {
    name: "v1.PodSchedulingGate",
    embedded: None,
    fields: &[field("Name", "name", plain(String))],
    by_json: &[0],
    written: &[0],
};

pub(super) static V1_POD_SCHEDULING_GROUP: Struct = Struct {
    name: "v1.PodSchedulingGroup",
    embedded: None,
    fields: &[field("PodGroupName", "podGroupName", pointer(String)).omitempty()],
    by_json: &[0],
    written: &[],
};

pub(super) static V1_POD_SECURITY_CONTEXT: Struct = Struct {
    name: "v1.PodSecurityContext",
    embedded: None,
    fields: &[
        field("SELinuxOptions", "seLinuxOptions", pointer(of(&V1_SE_LINUX_OPTIONS))).omitempty(),
        field("WindowsOptions", "windowsOptions", pointer(of(&V1_WINDOWS_SECURITY_CONTEXT_OPTIONS))).omitempty(),
        field("RunAsUser", "runAsUser", pointer(Int64)).omitempty(),
        field("RunAsGroup", "runAsGroup", pointer(Int64)).omitempty(),
        field("RunAsNonRoot", "runAsNonRoot", pointer(Bool)).omitempty(),
        field("SupplementalGroups", "supplementalGroups", list(Int64)).omitempty(),
        field("SupplementalGroupsPolicy", "supplementalGroupsPolicy", pointer(String)).omitempty(),
        field("FSGroup", "fsGroup", pointer(Int64)).omitempty(),
        field("Sysctls", "sysctls", list(of(&V1_SYSCTL))).omitempty(),
        field("FSGroupChangePolicy", "fsGroupChangePolicy", pointer(String)).omitempty(),
        field("SeccompProfile", "seccompProfile", pointer(of(&V1_SECCOMP_PROFILE))).omitempty(),
        field("AppArmorProfile", "appArmorProfile", pointer(of(&V1_APP_ARMOR_PROFILE))).omitempty(),
        field("SELinuxChangePolicy", "seLinuxChangePolicy", pointer(String)).omitempty(),
    ],
    by_json: &[11, 7, 9, 3, 4, 2, 12, 0, 10, 5, 6, 8, 1],
    written: &[],
};

pub(super) static V1_POD_SPEC: Struct = Struct {
    name: "v1.PodSpec",
    embedded: None,
    fields: &[
        field("Volumes", "volumes", list(of(&V1_VOLUME))).omitempty().merged("name"),
        field("InitContainers", "initContainers", list(of(&V1_CONTAINER))).omitempty().merged("name"),
        field("Containers", "containers", list(of(&V1_CONTAINER))).merged("name"),
        field("EphemeralContainers", "ephemeralContainers", list(of(&V1_EPHEMERAL_CONTAINER)))
            .omitempty()
            .merged("name"),
        field("RestartPolicy", "restartPolicy", plain(String)).omitempty(),
        field("TerminationGracePeriodSeconds", "terminationGracePeriodSeconds", pointer(Int64)).omitempty(),
        field("ActiveDeadlineSeconds", "activeDeadlineSeconds", pointer(Int64)).omitempty(),
        field("DNSPolicy", "dnsPolicy", plain(String)).omitempty(),
        field("NodeSelector", "nodeSelector", map(String)).omitempty(),
        field("ServiceAccountName", "serviceAccountName", plain(String)).omitempty(),
        field("DeprecatedServiceAccount", "serviceAccount", plain(String)).omitempty(),
        field("AutomountServiceAccountToken", "automountServiceAccountToken", pointer(Bool)).omitempty(),
        field("NodeName", "nodeName", plain(String)).omitempty(),
        field("HostNetwork", "hostNetwork", plain(Bool)).omitempty(),
        field("HostPID", "hostPID", plain(Bool)).omitempty(),
        field("HostIPC", "hostIPC", plain(Bool)).omitempty(),
        field("ShareProcessNamespace", "shareProcessNamespace", pointer(Bool)).omitempty(),
        field("SecurityContext", "securityContext", pointer(of(&V1_POD_SECURITY_CONTEXT))).omitempty(),
        field("ImagePullSecrets", "imagePullSecrets", list(of(&V1_LOCAL_OBJECT_REFERENCE))).omitempty().merged("name"),
        field("Hostname", "hostname", plain(String)).omitempty(),
        field("Subdomain", "subdomain", plain(String)).omitempty(),
        field("Affinity", "affinity", pointer(of(&V1_AFFINITY))).omitempty(),
        field("SchedulerName", "schedulerName", plain(String)).omitempty(),
        field("Tolerations", "tolerations", list(of(&V1_TOLERATION))).omitempty(),
        field("HostAliases", "hostAliases", list(of(&V1_HOST_ALIAS))).omitempty().merged("ip"),
        field("PriorityClassName", "priorityClassName", plain(String)).omitempty(),
        field("Priority", "priority", pointer(Int32)).omitempty(),
        field("DNSConfig", "dnsConfig", pointer(of(&V1_POD_DNS_CONFIG))).omitempty(),
        field("ReadinessGates", "readinessGates", list(of(&V1_POD_READINESS_GATE))).omitempty(),
        field("RuntimeClassName", "runtimeClassName", pointer(String)).omitempty(),
        field("EnableServiceLinks", "enableServiceLinks", pointer(Bool)).omitempty(),
        field("PreemptionPolicy", "preemptionPolicy", pointer(String)).omitempty(),
        field("Overhead", "overhead", map(Quantity)).omitempty(),
        field("TopologySpreadConstraints", "topologySpreadConstraints", list(of(&V1_TOPOLOGY_SPREAD_CONSTRAINT)))
            .omitempty()
            .merged("topologyKey"),
        field("SetHostnameAsFQDN", "setHostnameAsFQDN", pointer(Bool)).omitempty(),
        field("OS", "os", pointer(of(&V1_POD_OS))).omitempty(),
        field("HostUsers", "hostUsers", pointer(Bool)).omitempty(),
        field("SchedulingGates", "schedulingGates", list(of(&V1_POD_SCHEDULING_GATE))).omitempty().merged("name"),
        field("ResourceClaims", "resourceClaims", list(of(&V1_POD_RESOURCE_CLAIM))).omitempty().merged("name"),
        field("Resources", "resources", pointer(of(&V1_RESOURCE_REQUIREMENTS))).omitempty(),
        field("HostnameOverride", "hostnameOverride", pointer(String)).omitempty(),
        field("SchedulingGroup", "schedulingGroup", pointer(of(&V1_POD_SCHEDULING_GROUP))).omitempty(),
        field("EvictionResponders", "evictionResponders", list(of(&V1_EVICTION_RESPONDER))).omitempty().merged("name"),
    ],
    by_json: &[
        6, 21, 11, 2, 27, 7, 30, 3, 42, 24, 15, 13, 14, 36, 19, 40, 18, 1, 12, 8, 35, 32, 31, 26, 25, 28, 38, 39, 4,
        29, 22, 37, 41, 17, 10, 9, 34, 16, 20, 5, 23, 33, 0,
    ],
    written: &[2],
};

pub(super) static V1_POD_STATUS: Struct = Struct {
    name: "v1.PodStatus",
    embedded: None,
    fields: &[
        field("ObservedGeneration", "observedGeneration", plain(Int64)).omitempty(),
        field("Phase", "phase", plain(String)).omitempty(),
        field("Conditions", "conditions", list(of(&V1_POD_CONDITION))).omitempty().merged("type"),
        field("Message", "message", plain(String)).omitempty(),
        field("Reason", "reason", plain(String)).omitempty(),
        field("NominatedNodeName", "nominatedNodeName", plain(String)).omitempty(),
        field("HostIP", "hostIP", plain(String)).omitempty(),
        field("HostIPs", "hostIPs", list(of(&V1_HOST_IP))).omitempty().merged("ip"),
        field("PodIP", "podIP", plain(String)).omitempty(),
        field("PodIPs", "podIPs", list(of(&V1_POD_IP))).omitempty().merged("ip"),
        field("StartTime", "startTime", pointer(Time)).omitempty(),
        field("InitContainerStatuses", "initContainerStatuses", list(of(&V1_CONTAINER_STATUS))).omitempty(),
        field("ContainerStatuses", "containerStatuses", list(of(&V1_CONTAINER_STATUS))).omitempty(),
        field("QOSClass", "qosClass", plain(String)).omitempty(),
        field("EphemeralContainerStatuses", "ephemeralContainerStatuses", list(of(&V1_CONTAINER_STATUS))).omitempty(),
        field("Resize", "resize", plain(String)).omitempty(),
        field("ResourceClaimStatuses", "resourceClaimStatuses", list(of(&V1_POD_RESOURCE_CLAIM_STATUS)))
            .omitempty()
            .merged("name"),
        field(
            "ExtendedResourceClaimStatus",
            "extendedResourceClaimStatus",
            pointer(of(&V1_POD_EXTENDED_RESOURCE_CLAIM_STATUS)),
        )
        .omitempty(),
        field("AllocatedResources", "allocatedResources", map(Quantity)).omitempty(),
        field("Resources", "resources", pointer(of(&V1_RESOURCE_REQUIREMENTS))).omitempty(),
        field(
            "NodeAllocatableResourceClaimStatuses",
            "nodeAllocatableResourceClaimStatuses",
            list(of(&V1_NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS)),
        )
        .omitempty()
        .merged("resourceClaimName"),
        field("VolumeHealth", "volumeHealth", list(of(&V1_POD_VOLUME_HEALTH))).omitempty(),
    ],
    by_json: &[18, 2, 12, 14, 17, 6, 7, 11, 3, 20, 5, 0, 1, 8, 9, 13, 4, 15, 16, 19, 10, 21],
    written: &[],
};

pub(super) static V1_POD_TEMPLATE_SPEC: Struct = Struct {
    name: "v1.PodTemplateSpec",
    embedded: None,
    fields: &[
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&V1_POD_SPEC))).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[0, 1],
};

pub(super) static V1_POD_VOLUME_HEALTH: Struct = Struct {
    name: "v1.PodVolumeHealth",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("HealthConditions", "healthConditions", list(of(&V1_VOLUME_HEALTH_CONDITION)))
            .omitempty()
            .merged("status"),
        field("LastTransitionTime", "lastTransitionTime", plain(Time)).omitempty(),
    ],
    by_json: &[1, 2, 0],
    written: &[2, 0],
};

pub(super) static V1_PORTWORX_VOLUME_SOURCE: Struct = Struct {
    name: "v1.PortworxVolumeSource",
    embedded: None,
    fields: &[
        field("VolumeID", "volumeID", plain(String)),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
    ],
    by_json: &[1, 2, 0],
    written: &[0],
};

pub(super) static V1_PREFERRED_SCHEDULING_TERM: Struct = Struct {
    name: "v1.PreferredSchedulingTerm",
    embedded: None,
    fields: &[
        field("Weight", "weight", plain(Int32)),
        field("Preference", "preference", plain(of(&V1_NODE_SELECTOR_TERM))),
    ],
    by_json: &[1, 0],
    written: &[1, 0],
};

pub(super) static V1_PROBE: Struct = Struct {
    name: "v1.Probe",
    embedded: Some(&V1_PROBE_HANDLER),
    fields: &[
        field("Exec", "exec", pointer(of(&V1_EXEC_ACTION))).omitempty().promoted(),
        field("HTTPGet", "httpGet", pointer(of(&V1_HTTP_GET_ACTION))).omitempty().promoted(),
        field("TCPSocket", "tcpSocket", pointer(of(&V1_TCP_SOCKET_ACTION))).omitempty().promoted(),
        field("GRPC", "grpc", pointer(of(&V1_GRPC_ACTION))).omitempty().promoted(),
        field("InitialDelaySeconds", "initialDelaySeconds", plain(Int32)).omitempty(),
        field("TimeoutSeconds", "timeoutSeconds", plain(Int32)).omitempty(),
        field("PeriodSeconds", "periodSeconds", plain(Int32)).omitempty(),
        field("SuccessThreshold", "successThreshold", plain(Int32)).omitempty(),
        field("FailureThreshold", "failureThreshold", plain(Int32)).omitempty(),
        field("TerminationGracePeriodSeconds", "terminationGracePeriodSeconds", pointer(Int64)).omitempty(),
    ],
    by_json: &[0, 8, 3, 1, 4, 6, 7, 2, 9, 5],
    written: &[],
};

pub(super) static V1_PROBE_HANDLER: Struct = Struct {
    name: "v1.ProbeHandler",
    embedded: None,
    fields: &[
        field("Exec", "exec", pointer(of(&V1_EXEC_ACTION))).omitempty(),
        field("HTTPGet", "httpGet", pointer(of(&V1_HTTP_GET_ACTION))).omitempty(),
        field("TCPSocket", "tcpSocket", pointer(of(&V1_TCP_SOCKET_ACTION))).omitempty(),
        field("GRPC", "grpc", pointer(of(&V1_GRPC_ACTION))).omitempty(),
    ],
    by_json: &[0, 3, 1, 2],
    written: &[],
};

pub(super) static V1_PROJECTED_VOLUME_SOURCE: Struct = Struct {
    name: "v1.ProjectedVolumeSource",
    embedded: None,
    fields: &[
        field("Sources", "sources", list(of(&V1_VOLUME_PROJECTION))),
        field("DefaultMode", "defaultMode", pointer(Int32)).omitempty(),
        field("DefaultUser", "defaultUser", pointer(Int64)).omitempty(),
    ],
    by_json: &[1, 2, 0],
    written: &[0],
};

pub(super) static V1_QUOBYTE_VOLUME_SOURCE: Struct = Struct {
    name: "v1.QuobyteVolumeSource",
    embedded: None,
    fields: &[
        field("Registry", "registry", plain(String)),
        field("Volume", "volume", plain(String)),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
        field("User", "user", plain(String)).omitempty(),
        field("Group", "group", plain(String)).omitempty(),
        field("Tenant", "tenant", plain(String)).omitempty(),
    ],
    by_json: &[4, 2, 0, 5, 3, 1],
    written: &[0, 1],
};

pub(super) static V1_RBD_VOLUME_SOURCE: Struct = Struct {
    name: "v1.RBDVolumeSource",
    embedded: None,
    fields: &[
        field("CephMonitors", "monitors", list(String)),
        field("RBDImage", "image", plain(String)),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("RBDPool", "pool", plain(String)).omitempty(),
        field("RadosUser", "user", plain(String)).omitempty(),
        field("Keyring", "keyring", plain(String)).omitempty(),
        field("SecretRef", "secretRef", pointer(of(&V1_LOCAL_OBJECT_REFERENCE))).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
    ],
    by_json: &[2, 1, 5, 0, 3, 7, 6, 4],
    written: &[1, 0],
};

pub(super) static V1_REPLICATION_CONTROLLER: Struct = Struct {
    name: "v1.ReplicationController",
    embedded: Some(&METAV1_TYPE_META),
    fields: &[
        field("Kind", "kind", plain(String)).omitempty().promoted(),
        field("APIVersion", "apiVersion", plain(String)).omitempty().promoted(),
        field("ObjectMeta", "metadata", plain(of(&METAV1_OBJECT_META))).omitempty(),
        field("Spec", "spec", plain(of(&V1_REPLICATION_CONTROLLER_SPEC))).omitempty(),
        field("Status", "status", plain(of(&V1_REPLICATION_CONTROLLER_STATUS))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[2, 3, 4],
};

pub(super) static V1_REPLICATION_CONTROLLER_CONDITION: Struct = Struct {
    name: "v1.ReplicationControllerCondition",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)),
        field("Status", "status", plain(String)),
        field("LastTransitionTime", "lastTransitionTime", plain(Time)).omitempty(),
        field("Reason", "reason", plain(String)).omitempty(),
        field("Message", "message", plain(String)).omitempty(),
    ],
    by_json: &[2, 4, 3, 1, 0],
    written: &[2, 1, 0],
};

pub(super) static V1_REPLICATION_CONTROLLER_SPEC: Struct = Struct {
    name: "v1.ReplicationControllerSpec",
    embedded: None,
    fields: &[
        field("Replicas", "replicas", pointer(Int32)).omitempty(),
        field("MinReadySeconds", "minReadySeconds", plain(Int32)).omitempty(),
        field("Selector", "selector", map(String)).omitempty(),
        field("Template", "template", pointer(of(&V1_POD_TEMPLATE_SPEC))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3],
    written: &[],
};

pub(super) static V1_REPLICATION_CONTROLLER_STATUS: Struct = Struct {
    name: "v1.ReplicationControllerStatus",
    embedded: None,
    fields: &[
        field("Replicas", "replicas", plain(Int32)),
        field("FullyLabeledReplicas", "fullyLabeledReplicas", plain(Int32)).omitempty(),
        field("ReadyReplicas", "readyReplicas", plain(Int32)).omitempty(),
        field("AvailableReplicas", "availableReplicas", plain(Int32)).omitempty(),
        field("ObservedGeneration", "observedGeneration", plain(Int64)).omitempty(),
        field("Conditions", "conditions", list(of(&V1_REPLICATION_CONTROLLER_CONDITION))).omitempty().merged("type"),
    ],
    by_json: &[3, 5, 1, 4, 2, 0],
    written: &[0],
};

pub(super) static V1_RESOURCE_CLAIM: Struct = Struct {
    name: "v1.ResourceClaim",
    embedded: None,
    fields: &[field("Name", "name", plain(String)), field("Request", "request", plain(String)).omitempty()],
    by_json: &[0, 1],
    written: &[0],
};

pub(super) static V1_RESOURCE_FIELD_SELECTOR: Struct = Struct {
    name: "v1.ResourceFieldSelector",
    embedded: None,
    fields: &[
        field("ContainerName", "containerName", plain(String)).omitempty(),
        field("Resource", "resource", plain(String)),
        field("Divisor", "divisor", plain(Quantity)).omitempty(),
    ],
    by_json: &[0, 2, 1],
    written: &[2, 1],
};

pub(super) static V1_RESOURCE_HEALTH: Struct = Struct {
    name: "v1.ResourceHealth",
    embedded: None,
    fields: &[
        field("ResourceID", "resourceID", plain(String)),
        field("Health", "health", plain(String)).omitempty(),
        field("Message", "message", pointer(String)).omitempty(),
    ],
    by_json: &[1, 2, 0],
    written: &[0],
};

pub(super) static V1_RESOURCE_REQUIREMENTS: Struct = Struct {
    name: "v1.ResourceRequirements",
    embedded: None,
    fields: &[
        field("Limits", "limits", map(Quantity)).omitempty(),
        field("Requests", "requests", map(Quantity)).omitempty(),
        field("Claims", "claims", list(of(&V1_RESOURCE_CLAIM))).omitempty(),
    ],
    by_json: &[2, 0, 1],
    written: &[],
};

pub(super) static V1_RESOURCE_STATUS: Struct = Struct {
    name: "v1.ResourceStatus",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("Resources", "resources", list(of(&V1_RESOURCE_HEALTH))).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[0],
};

pub(super) static V1_SE_LINUX_OPTIONS: Struct = Struct {
    name: "v1.SELinuxOptions",
    embedded: None,
    fields: &[
        field("User", "user", plain(String)).omitempty(),
        field("Role", "role", plain(String)).omitempty(),
        field("Type", "type", plain(String)).omitempty(),
        field("Level", "level", plain(String)).omitempty(),
    ],
    by_json: &[3, 1, 2, 0],
    written: &[],
};

pub(super) static V1_SCALE_IO_VOLUME_SOURCE: Struct = Struct {
    name: "v1.ScaleIOVolumeSource",
    embedded: None,
    fields: &[
        field("Gateway", "gateway", plain(String)),
        field("System", "system", plain(String)),
        field("SecretRef", "secretRef", pointer(of(&V1_LOCAL_OBJECT_REFERENCE))),
        field("SSLEnabled", "sslEnabled", plain(Bool)).omitempty(),
        field("ProtectionDomain", "protectionDomain", plain(String)).omitempty(),
        field("StoragePool", "storagePool", plain(String)).omitempty(),
        field("StorageMode", "storageMode", plain(String)).omitempty(),
        field("VolumeName", "volumeName", plain(String)).omitempty(),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
    ],
    by_json: &[8, 0, 4, 9, 2, 3, 6, 5, 1, 7],
    written: &[0, 2, 1],
};

pub(super) static V1_SECCOMP_PROFILE: Struct = Struct {
    name: "v1.SeccompProfile",
    embedded: None,
    fields: &[
        field("Type", "type", plain(String)),
        field("LocalhostProfile", "localhostProfile", pointer(String)).omitempty(),
    ],
    by_json: &[1, 0],
    written: &[0],
};

pub(super) static V1_SECRET_ENV_SOURCE: Struct = Struct {
    name: "v1.SecretEnvSource",
    embedded: Some(&V1_LOCAL_OBJECT_REFERENCE),
    fields: &[
        field("Name", "name", plain(String)).omitempty().promoted(),
        field("Optional", "optional", pointer(Bool)).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[],
};

pub(super) static V1_SECRET_KEY_SELECTOR: Struct = Struct {
    name: "v1.SecretKeySelector",
    embedded: Some(&V1_LOCAL_OBJECT_REFERENCE),
    fields: &[
        field("Name", "name", plain(String)).omitempty().promoted(),
        field("Key", "key", plain(String)),
        field("Optional", "optional", pointer(Bool)).omitempty(),
    ],
    by_json: &[1, 0, 2],
    written: &[1],
};

pub(super) static V1_SECRET_PROJECTION: Struct = Struct {
    name: "v1.SecretProjection",
    embedded: Some(&V1_LOCAL_OBJECT_REFERENCE),
    fields: &[
        field("Name", "name", plain(String)).omitempty().promoted(),
        field("Items", "items", list(of(&V1_KEY_TO_PATH))).omitempty(),
        field("Optional", "optional", pointer(Bool)).omitempty(),
    ],
    by_json: &[1, 0, 2],
    written: &[],
};

pub(super) static V1_SECRET_VOLUME_SOURCE: Struct = Struct {
    name: "v1.SecretVolumeSource",
    embedded: None,
    fields: &[
        field("SecretName", "secretName", plain(String)).omitempty(),
        field("Items", "items", list(of(&V1_KEY_TO_PATH))).omitempty(),
        field("DefaultMode", "defaultMode", pointer(Int32)).omitempty(),
        field("Optional", "optional", pointer(Bool)).omitempty(),
        field("DefaultUser", "defaultUser", pointer(Int64)).omitempty(),
    ],
    by_json: &[2, 4, 1, 3, 0],
    written: &[],
};

pub(super) static V1_SECURITY_CONTEXT: Struct = Struct {
    name: "v1.SecurityContext",
    embedded: None,
    fields: &[
        field("Capabilities", "capabilities", pointer(of(&V1_CAPABILITIES))).omitempty(),
        field("Privileged", "privileged", pointer(Bool)).omitempty(),
        field("SELinuxOptions", "seLinuxOptions", pointer(of(&V1_SE_LINUX_OPTIONS))).omitempty(),
        field("WindowsOptions", "windowsOptions", pointer(of(&V1_WINDOWS_SECURITY_CONTEXT_OPTIONS))).omitempty(),
        field("RunAsUser", "runAsUser", pointer(Int64)).omitempty(),
        field("RunAsGroup", "runAsGroup", pointer(Int64)).omitempty(),
        field("RunAsNonRoot", "runAsNonRoot", pointer(Bool)).omitempty(),
        field("ReadOnlyRootFilesystem", "readOnlyRootFilesystem", pointer(Bool)).omitempty(),
        field("AllowPrivilegeEscalation", "allowPrivilegeEscalation", pointer(Bool)).omitempty(),
        field("ProcMount", "procMount", pointer(String)).omitempty(),
        field("SeccompProfile", "seccompProfile", pointer(of(&V1_SECCOMP_PROFILE))).omitempty(),
        field("AppArmorProfile", "appArmorProfile", pointer(of(&V1_APP_ARMOR_PROFILE))).omitempty(),
    ],
    by_json: &[8, 11, 0, 1, 9, 7, 5, 6, 4, 2, 10, 3],
    written: &[],
};

pub(super) static V1_SERVICE_ACCOUNT_TOKEN_PROJECTION: Struct = Struct {
    name: "v1.ServiceAccountTokenProjection",
    embedded: None,
    fields: &[
        field("Audience", "audience", plain(String)).omitempty(),
        field("ExpirationSeconds", "expirationSeconds", pointer(Int64)).omitempty(),
        field("Path", "path", plain(String)),
        field("User", "user", pointer(Int64)).omitempty(),
    ],
    by_json: &[0, 1, 2, 3],
    written: &[2],
};

pub(super) static V1_SLEEP_ACTION: Struct = Struct {
    name: "v1.SleepAction",
    embedded: None,
    fields: &[field("Seconds", "seconds", plain(Int64))],
    by_json: &[0],
    written: &[0],
};

pub(super) static V1_STORAGE_OS_VOLUME_SOURCE: Struct = Struct {
    name: "v1.StorageOSVolumeSource",
    embedded: None,
    fields: &[
        field("VolumeName", "volumeName", plain(String)).omitempty(),
        field("VolumeNamespace", "volumeNamespace", plain(String)).omitempty(),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
        field("SecretRef", "secretRef", pointer(of(&V1_LOCAL_OBJECT_REFERENCE))).omitempty(),
    ],
    by_json: &[2, 3, 4, 0, 1],
    written: &[],
};

pub(super) static V1_SYSCTL: Struct = Struct {
    name: "v1.Sysctl",
    embedded: None,
    fields: &[field("Name", "name", plain(String)), field("Value", "value", plain(String))],
    by_json: &[0, 1],
    written: &[0, 1],
};

pub(super) static V1_TCP_SOCKET_ACTION: Struct = Struct {
    name: "v1.TCPSocketAction",
    embedded: None,
    fields: &[field("Port", "port", plain(IntOrString)), field("Host", "host", plain(String)).omitempty()],
    by_json: &[1, 0],
    written: &[0],
};

pub(super) static V1_TOLERATION: Struct = Struct {
    name: "v1.Toleration",
    embedded: None,
    fields: &[
        field("Key", "key", plain(String)).omitempty(),
        field("Operator", "operator", plain(String)).omitempty(),
        field("Value", "value", plain(String)).omitempty(),
        field("Effect", "effect", plain(String)).omitempty(),
        field("TolerationSeconds", "tolerationSeconds", pointer(Int64)).omitempty(),
    ],
    by_json: &[3, 0, 1, 4, 2],
    written: &[],
};

pub(super) static V1_TOPOLOGY_SPREAD_CONSTRAINT: Struct = Struct {
    name: "v1.TopologySpreadConstraint",
    embedded: None,
    fields: &[
        field("MaxSkew", "maxSkew", plain(Int32)),
        field("TopologyKey", "topologyKey", plain(String)),
        field("WhenUnsatisfiable", "whenUnsatisfiable", plain(String)),
        field("LabelSelector", "labelSelector", pointer(of(&METAV1_LABEL_SELECTOR))).omitempty(),
        field("MinDomains", "minDomains", pointer(Int32)).omitempty(),
        field("NodeAffinityPolicy", "nodeAffinityPolicy", pointer(String)).omitempty(),
        field("NodeTaintsPolicy", "nodeTaintsPolicy", pointer(String)).omitempty(),
        field("MatchLabelKeys", "matchLabelKeys", list(String)).omitempty(),
    ],
    by_json: &[3, 7, 0, 4, 5, 6, 1, 2],
    written: &[0, 1, 2],
};

pub(super) static V1_TYPED_LOCAL_OBJECT_REFERENCE: Struct = Struct {
    name: "v1.TypedLocalObjectReference",
    embedded: None,
    fields: &[
        field("APIGroup", "apiGroup", pointer(String)),
        field("Kind", "kind", plain(String)),
        field("Name", "name", plain(String)),
    ],
    by_json: &[0, 1, 2],
    written: &[0, 1, 2],
};

pub(super) static V1_TYPED_OBJECT_REFERENCE: Struct = Struct {
    name: "v1.TypedObjectReference",
    embedded: None,
    fields: &[
        field("APIGroup", "apiGroup", pointer(String)),
        field("Kind", "kind", plain(String)),
        field("Name", "name", plain(String)),
        field("Namespace", "namespace", pointer(String)).omitempty(),
    ],
    by_json: &[0, 1, 2, 3],
    written: &[0, 1, 2],
};

pub(super) static V1_VOLUME: Struct = Struct {
    name: "v1.Volume",
    embedded: Some(&V1_VOLUME_SOURCE),
    fields: &[
        field("Name", "name", plain(String)),
        field("HostPath", "hostPath", pointer(of(&V1_HOST_PATH_VOLUME_SOURCE))).omitempty().promoted(),
        field("EmptyDir", "emptyDir", pointer(of(&V1_EMPTY_DIR_VOLUME_SOURCE))).omitempty().promoted(),
        field("GCEPersistentDisk", "gcePersistentDisk", pointer(of(&V1_GCE_PERSISTENT_DISK_VOLUME_SOURCE)))
            .omitempty()
            .promoted(),
        field("AWSElasticBlockStore", "awsElasticBlockStore", pointer(of(&V1_AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE)))
            .omitempty()
            .promoted(),
        field("GitRepo", "gitRepo", pointer(of(&V1_GIT_REPO_VOLUME_SOURCE))).omitempty().promoted(),
        field("Secret", "secret", pointer(of(&V1_SECRET_VOLUME_SOURCE))).omitempty().promoted(),
        field("NFS", "nfs", pointer(of(&V1_NFS_VOLUME_SOURCE))).omitempty().promoted(),
        field("ISCSI", "iscsi", pointer(of(&V1_ISCSI_VOLUME_SOURCE))).omitempty().promoted(),
        field("Glusterfs", "glusterfs", pointer(of(&V1_GLUSTERFS_VOLUME_SOURCE))).omitempty().promoted(),
        field("PersistentVolumeClaim", "persistentVolumeClaim", pointer(of(&V1_PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE)))
            .omitempty()
            .promoted(),
        field("RBD", "rbd", pointer(of(&V1_RBD_VOLUME_SOURCE))).omitempty().promoted(),
        field("FlexVolume", "flexVolume", pointer(of(&V1_FLEX_VOLUME_SOURCE))).omitempty().promoted(),
        field("Cinder", "cinder", pointer(of(&V1_CINDER_VOLUME_SOURCE))).omitempty().promoted(),
        field("CephFS", "cephfs", pointer(of(&V1_CEPH_FS_VOLUME_SOURCE))).omitempty().promoted(),
        field("Flocker", "flocker", pointer(of(&V1_FLOCKER_VOLUME_SOURCE))).omitempty().promoted(),
        field("DownwardAPI", "downwardAPI", pointer(of(&V1_DOWNWARD_API_VOLUME_SOURCE))).omitempty().promoted(),
        field("FC", "fc", pointer(of(&V1_FC_VOLUME_SOURCE))).omitempty().promoted(),
        field("AzureFile", "azureFile", pointer(of(&V1_AZURE_FILE_VOLUME_SOURCE))).omitempty().promoted(),
        field("ConfigMap", "configMap", pointer(of(&V1_CONFIG_MAP_VOLUME_SOURCE))).omitempty().promoted(),
        field("VsphereVolume", "vsphereVolume", pointer(of(&V1_VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE)))
            .omitempty()
            .promoted(),
        field("Quobyte", "quobyte", pointer(of(&V1_QUOBYTE_VOLUME_SOURCE))).omitempty().promoted(),
        field("AzureDisk", "azureDisk", pointer(of(&V1_AZURE_DISK_VOLUME_SOURCE))).omitempty().promoted(),
        field("PhotonPersistentDisk", "photonPersistentDisk", pointer(of(&V1_PHOTON_PERSISTENT_DISK_VOLUME_SOURCE)))
            .omitempty()
            .promoted(),
        field("Projected", "projected", pointer(of(&V1_PROJECTED_VOLUME_SOURCE))).omitempty().promoted(),
        field("PortworxVolume", "portworxVolume", pointer(of(&V1_PORTWORX_VOLUME_SOURCE))).omitempty().promoted(),
        field("ScaleIO", "scaleIO", pointer(of(&V1_SCALE_IO_VOLUME_SOURCE))).omitempty().promoted(),
        field("StorageOS", "storageos", pointer(of(&V1_STORAGE_OS_VOLUME_SOURCE))).omitempty().promoted(),
        field("CSI", "csi", pointer(of(&V1_CSI_VOLUME_SOURCE))).omitempty().promoted(),
        field("Ephemeral", "ephemeral", pointer(of(&V1_EPHEMERAL_VOLUME_SOURCE))).omitempty().promoted(),
        field("Image", "image", pointer(of(&V1_IMAGE_VOLUME_SOURCE))).omitempty().promoted(),
    ],
    by_json: &[
        4, 22, 18, 14, 13, 19, 28, 16, 2, 29, 17, 12, 15, 3, 5, 9, 1, 30, 8, 0, 7, 10, 23, 25, 24, 21, 11, 26, 6, 27,
        20,
    ],
    written: &[0],
};

pub(super) static V1_VOLUME_DEVICE: Struct = Struct {
    name: "v1.VolumeDevice",
    embedded: None,
    fields: &[field("Name", "name", plain(String)), field("DevicePath", "devicePath", plain(String))],
    by_json: &[1, 0],
    written: &[1, 0],
};

pub(super) static V1_VOLUME_HEALTH_CONDITION: Struct = Struct {
    name: "v1.VolumeHealthCondition",
    embedded: None,
    fields: &[
        field("Status", "status", plain(String)),
        field("Reason", "reason", plain(String)),
        field("Message", "message", plain(String)).omitempty(),
    ],
    by_json: &[2, 1, 0],
    written: &[1, 0],
};

pub(super) static V1_VOLUME_HEALTH_STATUS: Struct = Struct {
    name: "v1.VolumeHealthStatus",
    embedded: None,
    fields: &[
        field("HealthConditions", "healthConditions", list(of(&V1_VOLUME_HEALTH_CONDITION)))
            .omitempty()
            .merged("status"),
        field("LastTransitionTime", "lastTransitionTime", plain(Time)).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[1],
};

pub(super) static V1_VOLUME_MOUNT: Struct = Struct {
    name: "v1.VolumeMount",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
        field("RecursiveReadOnly", "recursiveReadOnly", pointer(String)).omitempty(),
        field("MountPath", "mountPath", plain(String)),
        field("SubPath", "subPath", plain(String)).omitempty(),
        field("MountPropagation", "mountPropagation", pointer(String)).omitempty(),
        field("SubPathExpr", "subPathExpr", plain(String)).omitempty(),
        field("BindMountOptions", "bindMountOptions", list(String)).omitempty(),
    ],
    by_json: &[7, 3, 5, 0, 1, 2, 4, 6],
    written: &[3, 0],
};

pub(super) static V1_VOLUME_MOUNT_STATUS: Struct = Struct {
    name: "v1.VolumeMountStatus",
    embedded: None,
    fields: &[
        field("Name", "name", plain(String)),
        field("MountPath", "mountPath", plain(String)),
        field("ReadOnly", "readOnly", plain(Bool)).omitempty(),
        field("RecursiveReadOnly", "recursiveReadOnly", pointer(String)).omitempty(),
        field("VolumeStatus", "volumeStatus", pointer(of(&V1_VOLUME_STATUS))).omitempty(),
    ],
    by_json: &[1, 0, 2, 3, 4],
    written: &[1, 0],
};

pub(super) static V1_VOLUME_PROJECTION: Struct = Struct {
    name: "v1.VolumeProjection",
    embedded: None,
    fields: &[
        field("Secret", "secret", pointer(of(&V1_SECRET_PROJECTION))).omitempty(),
        field("DownwardAPI", "downwardAPI", pointer(of(&V1_DOWNWARD_API_PROJECTION))).omitempty(),
        field("ConfigMap", "configMap", pointer(of(&V1_CONFIG_MAP_PROJECTION))).omitempty(),
        field("ServiceAccountToken", "serviceAccountToken", pointer(of(&V1_SERVICE_ACCOUNT_TOKEN_PROJECTION)))
            .omitempty(),
        field("ClusterTrustBundle", "clusterTrustBundle", pointer(of(&V1_CLUSTER_TRUST_BUNDLE_PROJECTION))).omitempty(),
        field("PodCertificate", "podCertificate", pointer(of(&V1_POD_CERTIFICATE_PROJECTION))).omitempty(),
    ],
    by_json: &[4, 2, 1, 5, 0, 3],
    written: &[],
};

pub(super) static V1_VOLUME_RESOURCE_REQUIREMENTS: Struct = Struct {
    name: "v1.VolumeResourceRequirements",
    embedded: None,
    fields: &[
        field("Limits", "limits", map(Quantity)).omitempty(),
        field("Requests", "requests", map(Quantity)).omitempty(),
    ],
    by_json: &[0, 1],
    written: &[],
};

pub(super) static V1_VOLUME_SOURCE: Struct = Struct {
    name: "v1.VolumeSource",
    embedded: None,
    fields: &[
        field("HostPath", "hostPath", pointer(of(&V1_HOST_PATH_VOLUME_SOURCE))).omitempty(),
        field("EmptyDir", "emptyDir", pointer(of(&V1_EMPTY_DIR_VOLUME_SOURCE))).omitempty(),
        field("GCEPersistentDisk", "gcePersistentDisk", pointer(of(&V1_GCE_PERSISTENT_DISK_VOLUME_SOURCE))).omitempty(),
        field("AWSElasticBlockStore", "awsElasticBlockStore", pointer(of(&V1_AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE)))
            .omitempty(),
        field("GitRepo", "gitRepo", pointer(of(&V1_GIT_REPO_VOLUME_SOURCE))).omitempty(),
        field("Secret", "secret", pointer(of(&V1_SECRET_VOLUME_SOURCE))).omitempty(),
        field("NFS", "nfs", pointer(of(&V1_NFS_VOLUME_SOURCE))).omitempty(),
        field("ISCSI", "iscsi", pointer(of(&V1_ISCSI_VOLUME_SOURCE))).omitempty(),
        field("Glusterfs", "glusterfs", pointer(of(&V1_GLUSTERFS_VOLUME_SOURCE))).omitempty(),
        field("PersistentVolumeClaim", "persistentVolumeClaim", pointer(of(&V1_PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE)))
            .omitempty(),
        field("RBD", "rbd", pointer(of(&V1_RBD_VOLUME_SOURCE))).omitempty(),
        field("FlexVolume", "flexVolume", pointer(of(&V1_FLEX_VOLUME_SOURCE))).omitempty(),
        field("Cinder", "cinder", pointer(of(&V1_CINDER_VOLUME_SOURCE))).omitempty(),
        field("CephFS", "cephfs", pointer(of(&V1_CEPH_FS_VOLUME_SOURCE))).omitempty(),
        field("Flocker", "flocker", pointer(of(&V1_FLOCKER_VOLUME_SOURCE))).omitempty(),
        field("DownwardAPI", "downwardAPI", pointer(of(&V1_DOWNWARD_API_VOLUME_SOURCE))).omitempty(),
        field("FC", "fc", pointer(of(&V1_FC_VOLUME_SOURCE))).omitempty(),
        field("AzureFile", "azureFile", pointer(of(&V1_AZURE_FILE_VOLUME_SOURCE))).omitempty(),
        field("ConfigMap", "configMap", pointer(of(&V1_CONFIG_MAP_VOLUME_SOURCE))).omitempty(),
        field("VsphereVolume", "vsphereVolume", pointer(of(&V1_VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE))).omitempty(),
        field("Quobyte", "quobyte", pointer(of(&V1_QUOBYTE_VOLUME_SOURCE))).omitempty(),
        field("AzureDisk", "azureDisk", pointer(of(&V1_AZURE_DISK_VOLUME_SOURCE))).omitempty(),
        field("PhotonPersistentDisk", "photonPersistentDisk", pointer(of(&V1_PHOTON_PERSISTENT_DISK_VOLUME_SOURCE)))
            .omitempty(),
        field("Projected", "projected", pointer(of(&V1_PROJECTED_VOLUME_SOURCE))).omitempty(),
        field("PortworxVolume", "portworxVolume", pointer(of(&V1_PORTWORX_VOLUME_SOURCE))).omitempty(),
        field("ScaleIO", "scaleIO", pointer(of(&V1_SCALE_IO_VOLUME_SOURCE))).omitempty(),
        field("StorageOS", "storageos", pointer(of(&V1_STORAGE_OS_VOLUME_SOURCE))).omitempty(),
        field("CSI", "csi", pointer(of(&V1_CSI_VOLUME_SOURCE))).omitempty(),
        field("Ephemeral", "ephemeral", pointer(of(&V1_EPHEMERAL_VOLUME_SOURCE))).omitempty(),
        field("Image", "image", pointer(of(&V1_IMAGE_VOLUME_SOURCE))).omitempty(),
    ],
    by_json: &[
        3, 21, 17, 13, 12, 18, 27, 15, 1, 28, 16, 11, 14, 2, 4, 8, 0, 29, 7, 6, 9, 22, 24, 23, 20, 10, 25, 5, 26, 19,
    ],
    written: &[],
};

pub(super) static V1_VOLUME_STATUS: Struct = Struct {
    name: "v1.VolumeStatus",
    embedded: None,
    fields: &[field("Image", "image", pointer(of(&V1_IMAGE_VOLUME_STATUS))).omitempty()],
    by_json: &[0],
    written: &[],
};

pub(super) static V1_VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE: Struct = Struct {
    name: "v1.VsphereVirtualDiskVolumeSource",
    embedded: None,
    fields: &[
        field("VolumePath", "volumePath", plain(String)),
        field("FSType", "fsType", plain(String)).omitempty(),
        field("StoragePolicyName", "storagePolicyName", plain(String)).omitempty(),
        field("StoragePolicyID", "storagePolicyID", plain(String)).omitempty(),
    ],
    by_json: &[1, 3, 2, 0],
    written: &[0],
};

pub(super) static V1_WEIGHTED_POD_AFFINITY_TERM: Struct = Struct {
    name: "v1.WeightedPodAffinityTerm",
    embedded: None,
    fields: &[
        field("Weight", "weight", plain(Int32)),
        field("PodAffinityTerm", "podAffinityTerm", plain(of(&V1_POD_AFFINITY_TERM))),
    ],
    by_json: &[1, 0],
    written: &[1, 0],
};

pub(super) static V1_WINDOWS_SECURITY_CONTEXT_OPTIONS: Struct = Struct {
    name: "v1.WindowsSecurityContextOptions",
    embedded: None,
    fields: &[
        field("GMSACredentialSpecName", "gmsaCredentialSpecName", pointer(String)).omitempty(),
        field("GMSACredentialSpec", "gmsaCredentialSpec", pointer(String)).omitempty(),
        field("RunAsUserName", "runAsUserName", pointer(String)).omitempty(),
        field("HostProcess", "hostProcess", pointer(Bool)).omitempty(),
    ],
    by_json: &[1, 0, 3, 2],
    written: &[],
};

/// All structs, in the order of their names.
pub(super) static STRUCTS: &[&Struct] = &[
    &APPSV1_DAEMON_SET,
    &APPSV1_DAEMON_SET_CONDITION,
    &APPSV1_DAEMON_SET_SPEC,
    &APPSV1_DAEMON_SET_STATUS,
    &APPSV1_DAEMON_SET_UPDATE_STRATEGY,
    &APPSV1_DEPLOYMENT,
    &APPSV1_DEPLOYMENT_CONDITION,
    &APPSV1_DEPLOYMENT_SPEC,
    &APPSV1_DEPLOYMENT_STATUS,
    &APPSV1_DEPLOYMENT_STRATEGY,
    &APPSV1_REPLICA_SET,
    &APPSV1_REPLICA_SET_CONDITION,
    &APPSV1_REPLICA_SET_SPEC,
    &APPSV1_REPLICA_SET_STATUS,
    &APPSV1_ROLLING_UPDATE_DAEMON_SET,
    &APPSV1_ROLLING_UPDATE_DEPLOYMENT,
    &APPSV1_ROLLING_UPDATE_STATEFUL_SET_STRATEGY,
    &APPSV1_STATEFUL_SET,
    &APPSV1_STATEFUL_SET_CONDITION,
    &APPSV1_STATEFUL_SET_ORDINALS,
    &APPSV1_STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY,
    &APPSV1_STATEFUL_SET_SPEC,
    &APPSV1_STATEFUL_SET_STATUS,
    &APPSV1_STATEFUL_SET_UPDATE_STRATEGY,
    &BATCHV1_CRON_JOB,
    &BATCHV1_CRON_JOB_SPEC,
    &BATCHV1_CRON_JOB_STATUS,
    &BATCHV1_JOB,
    &BATCHV1_JOB_CONDITION,
    &BATCHV1_JOB_SCHEDULING_CONFIGURATION,
    &BATCHV1_JOB_SPEC,
    &BATCHV1_JOB_STATUS,
    &BATCHV1_JOB_TEMPLATE_SPEC,
    &BATCHV1_POD_FAILURE_POLICY,
    &BATCHV1_POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT,
    &BATCHV1_POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN,
    &BATCHV1_POD_FAILURE_POLICY_RULE,
    &BATCHV1_SUCCESS_POLICY,
    &BATCHV1_SUCCESS_POLICY_RULE,
    &BATCHV1_UNCOUNTED_TERMINATED_PODS,
    &METAV1_LABEL_SELECTOR,
    &METAV1_LABEL_SELECTOR_REQUIREMENT,
    &METAV1_LIST,
    &METAV1_LIST_META,
    &METAV1_OBJECT_META,
    &METAV1_OWNER_REFERENCE,
    &METAV1_TYPE_META,
    &OSV1_DEPLOYMENT_CONFIG,
    &OSV1_DEPLOYMENT_CONFIG_SPEC,
    &OSV1_DEPLOYMENT_CONFIG_STATUS,
    &OSV1_DEPLOYMENT_STRATEGY,
    &V1_AWS_ELASTIC_BLOCK_STORE_VOLUME_SOURCE,
    &V1_AFFINITY,
    &V1_APP_ARMOR_PROFILE,
    &V1_AZURE_DISK_VOLUME_SOURCE,
    &V1_AZURE_FILE_VOLUME_SOURCE,
    &V1_CSI_VOLUME_SOURCE,
    &V1_CAPABILITIES,
    &V1_CEPH_FS_VOLUME_SOURCE,
    &V1_CINDER_VOLUME_SOURCE,
    &V1_CLUSTER_TRUST_BUNDLE_PROJECTION,
    &V1_CONFIG_MAP_ENV_SOURCE,
    &V1_CONFIG_MAP_KEY_SELECTOR,
    &V1_CONFIG_MAP_PROJECTION,
    &V1_CONFIG_MAP_VOLUME_SOURCE,
    &V1_CONTAINER,
    &V1_CONTAINER_EXTENDED_RESOURCE_REQUEST,
    &V1_CONTAINER_PORT,
    &V1_CONTAINER_RESIZE_POLICY,
    &V1_CONTAINER_RESTART_RULE,
    &V1_CONTAINER_RESTART_RULE_ON_EXIT_CODES,
    &V1_CONTAINER_STATE,
    &V1_CONTAINER_STATE_RUNNING,
    &V1_CONTAINER_STATE_TERMINATED,
    &V1_CONTAINER_STATE_WAITING,
    &V1_CONTAINER_STATUS,
    &V1_CONTAINER_USER,
    &V1_DOWNWARD_API_PROJECTION,
    &V1_DOWNWARD_API_VOLUME_FILE,
    &V1_DOWNWARD_API_VOLUME_SOURCE,
    &V1_EMPTY_DIR_VOLUME_SOURCE,
    &V1_ENV_FROM_SOURCE,
    &V1_ENV_VAR,
    &V1_ENV_VAR_SOURCE,
    &V1_EPHEMERAL_CONTAINER,
    &V1_EPHEMERAL_CONTAINER_COMMON,
    &V1_EPHEMERAL_VOLUME_SOURCE,
    &V1_EVICTION_RESPONDER,
    &V1_EXEC_ACTION,
    &V1_FC_VOLUME_SOURCE,
    &V1_FILE_KEY_SELECTOR,
    &V1_FLEX_VOLUME_SOURCE,
    &V1_FLOCKER_VOLUME_SOURCE,
    &V1_GCE_PERSISTENT_DISK_VOLUME_SOURCE,
    &V1_GRPC_ACTION,
    &V1_GIT_REPO_VOLUME_SOURCE,
    &V1_GLUSTERFS_VOLUME_SOURCE,
    &V1_HTTP_GET_ACTION,
    &V1_HTTP_HEADER,
    &V1_HOST_ALIAS,
    &V1_HOST_IP,
    &V1_HOST_PATH_VOLUME_SOURCE,
    &V1_ISCSI_VOLUME_SOURCE,
    &V1_IMAGE_VOLUME_SOURCE,
    &V1_IMAGE_VOLUME_STATUS,
    &V1_KEY_TO_PATH,
    &V1_LIFECYCLE,
    &V1_LIFECYCLE_HANDLER,
    &V1_LINUX_CONTAINER_USER,
    &V1_LOCAL_OBJECT_REFERENCE,
    &V1_MODIFY_VOLUME_STATUS,
    &V1_NFS_VOLUME_SOURCE,
    &V1_NODE_AFFINITY,
    &V1_NODE_ALLOCATABLE_MAPPED_RESOURCES,
    &V1_NODE_ALLOCATABLE_OVERHEAD_RESOURCES,
    &V1_NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS,
    &V1_NODE_SELECTOR,
    &V1_NODE_SELECTOR_REQUIREMENT,
    &V1_NODE_SELECTOR_TERM,
    &V1_OBJECT_FIELD_SELECTOR,
    &V1_OBJECT_REFERENCE,
    &V1_PERSISTENT_VOLUME_CLAIM,
    &V1_PERSISTENT_VOLUME_CLAIM_CONDITION,
    &V1_PERSISTENT_VOLUME_CLAIM_SPEC,
    &V1_PERSISTENT_VOLUME_CLAIM_STATUS,
    &V1_PERSISTENT_VOLUME_CLAIM_TEMPLATE,
    &V1_PERSISTENT_VOLUME_CLAIM_VOLUME_SOURCE,
    &V1_PHOTON_PERSISTENT_DISK_VOLUME_SOURCE,
    &V1_POD,
    &V1_POD_AFFINITY,
    &V1_POD_AFFINITY_TERM,
    &V1_POD_ANTI_AFFINITY,
    &V1_POD_CERTIFICATE_PROJECTION,
    &V1_POD_CONDITION,
    &V1_POD_DNS_CONFIG,
    &V1_POD_DNS_CONFIG_OPTION,
    &V1_POD_EXTENDED_RESOURCE_CLAIM_STATUS,
    &V1_POD_IP,
    &V1_POD_OS,
    &V1_POD_READINESS_GATE,
    &V1_POD_RESOURCE_CLAIM,
    &V1_POD_RESOURCE_CLAIM_STATUS,
    &V1_POD_SCHEDULING_GATE,
    &V1_POD_SCHEDULING_GROUP,
    &V1_POD_SECURITY_CONTEXT,
    &V1_POD_SPEC,
    &V1_POD_STATUS,
    &V1_POD_TEMPLATE_SPEC,
    &V1_POD_VOLUME_HEALTH,
    &V1_PORTWORX_VOLUME_SOURCE,
    &V1_PREFERRED_SCHEDULING_TERM,
    &V1_PROBE,
    &V1_PROBE_HANDLER,
    &V1_PROJECTED_VOLUME_SOURCE,
    &V1_QUOBYTE_VOLUME_SOURCE,
    &V1_RBD_VOLUME_SOURCE,
    &V1_REPLICATION_CONTROLLER,
    &V1_REPLICATION_CONTROLLER_CONDITION,
    &V1_REPLICATION_CONTROLLER_SPEC,
    &V1_REPLICATION_CONTROLLER_STATUS,
    &V1_RESOURCE_CLAIM,
    &V1_RESOURCE_FIELD_SELECTOR,
    &V1_RESOURCE_HEALTH,
    &V1_RESOURCE_REQUIREMENTS,
    &V1_RESOURCE_STATUS,
    &V1_SE_LINUX_OPTIONS,
    &V1_SCALE_IO_VOLUME_SOURCE,
    &V1_SECCOMP_PROFILE,
    &V1_SECRET_ENV_SOURCE,
    &V1_SECRET_KEY_SELECTOR,
    &V1_SECRET_PROJECTION,
    &V1_SECRET_VOLUME_SOURCE,
    &V1_SECURITY_CONTEXT,
    &V1_SERVICE_ACCOUNT_TOKEN_PROJECTION,
    &V1_SLEEP_ACTION,
    &V1_STORAGE_OS_VOLUME_SOURCE,
    &V1_SYSCTL,
    &V1_TCP_SOCKET_ACTION,
    &V1_TOLERATION,
    &V1_TOPOLOGY_SPREAD_CONSTRAINT,
    &V1_TYPED_LOCAL_OBJECT_REFERENCE,
    &V1_TYPED_OBJECT_REFERENCE,
    &V1_VOLUME,
    &V1_VOLUME_DEVICE,
    &V1_VOLUME_HEALTH_CONDITION,
    &V1_VOLUME_HEALTH_STATUS,
    &V1_VOLUME_MOUNT,
    &V1_VOLUME_MOUNT_STATUS,
    &V1_VOLUME_PROJECTION,
    &V1_VOLUME_RESOURCE_REQUIREMENTS,
    &V1_VOLUME_SOURCE,
    &V1_VOLUME_STATUS,
    &V1_VSPHERE_VIRTUAL_DISK_VOLUME_SOURCE,
    &V1_WEIGHTED_POD_AFFINITY_TERM,
    &V1_WINDOWS_SECURITY_CONTEXT_OPTIONS,
];
