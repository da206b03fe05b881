/**
 * The names of services that can assume roles, without the DNS suffix: those that occur in AWS's documentation and in
 * the policies that AWS manages. AWS publishes no list.
 */
const NAMES: ReadonlySet<string> = new Set(
  `
  a4b access-analyzer access-grants.s3 account account-access accountdiscovery.ssm acm acm-pca
  aco-automation agent-registry agent.wellarchitected agentless.inspector2 aiops
  aiops.alarms.cloudwatch airflow airflow-env airflow-serverless ami.inspector2 amplify
  amplifybackend amplifyuibuilder aoss apidestinations.events apigateway app-integrations
  appconfig appfabric appflow application-autoscaling application-insights
  application-signals.cloudwatch application-transformation appmesh apprunner appstream
  appstream.application-autoscaling appsync aps arc-region-switch artifact assets.marketplace
  athena auditmanager automation autoscaling autoscaling-plans aws-artifact-account-sync
  aws-external-anthropic backup batch batchoperations.s3 bcm-data-exports bedrock
  bedrock-agentcore bedrock-mantle billingreports braket budgets bugbust build.apprunner cases
  cassandra-streams cassandra.application-autoscaling channels.lex channels.lexv2 chatbot chime
  cks.kms cleanrooms cleanrooms-ml cloud9 clouddirectory cloudformation cloudfront cloudhsm
  cloudsearch cloudtrail cloudwatch cloudwatch-crossaccount codeartifact codebuild codecatalyst
  codecatalyst-runner codecommit codeconnections codedeploy codeguru-profiler codeguru-reviewer
  codeguru-security codepipeline codestar codestar-connections codestar-notifications
  cognito-identity cognito-idp cognito-sync comprehend comprehend.application-autoscaling
  comprehendmedical compute-optimizer config config-conforms config-multiaccountsetup connect
  connect-campaigns context.cloudtrail continuousexport.discovery contract.iq
  contributorinsights.dynamodb controltower cost-optimization-hub.bcm costalerts
  credentials.deadline credentials.iot crowd custom-resource.application-autoscaling custom.rds
  custom.rds-preview databrew dataexchange datapipeline datasync datazone datazonecontrol dax
  deadline deeplens delivery.logs detective devicefarm devops-guru diode directconnect
  directquery.opensearchservice discovery dlm dms dmsintegration.migrationhub dnssec-route53 docdb
  docdb-elastic drs drt.shield ds dsql dynamodb dynamodb.application-autoscaling ec ec2 ec2-images
  ec2-instance-connect ec2.application-autoscaling ec2.application-status-checks
  ec2.capacitymanager ec2fastlaunch ec2fleet ec2scheduled ec2sqlha ecr ecs ecs-compute ecs-tasks
  ecs.application-autoscaling edgelambda eks eks-connector eks-fargate eks-fargate-pods
  eks-nodegroup elasticache elasticache.application-autoscaling elasticbeanstalk elasticfilesystem
  elasticloadbalancing elasticmapreduce elastictranscoder email.cognito-idp emr-containers
  emr-serverless entityresolution es event-processor.health events events.managedservices
  events.workmail evs export.rds finops-agent finspace firehose fis fms forecast frauddetector
  freertos fsx fulfillment.deadline gamelift gameliftstreams glacier globalaccelerator glue
  grafana greengrass groundstation guardduty health healthlake honeycode hooks.cloudformation iam
  identity.nimble imagebuilder importexport inspector inspector2 internetmonitor iot iotanalytics
  iotdeviceadvisor iotevents iotfleethub iotfleetwise iotmanagedintegrations iotroborunner
  iotsitewise iotthingsgraph iottwinmaker iotwireless ipam ivs ivschat job.sagemaker
  justintimeaccess.ssm kafka kafka.application-autoscaling kafkaconnect kendra kinesis
  kinesisanalytics kinesisreplication.dynamodb kinesisvideo kms lakeformation lambda
  lambda.alarms.cloudwatch lambda.application-autoscaling launchwizard lex lexv2
  license-management.marketplace license-manager license-manager-user-subscriptions
  license-manager.master-account license-manager.member-account lightsail location
  logger.cloudfront logs lookoutequipment lookoutmetrics lookoutvision m2 machinelearning macie
  macie2 maintenance.elasticbeanstalk maintenance.s3tables malware-protection-plan.guardduty
  malware-protection.guardduty managedblockchain managedservices managedupdates.elasticbeanstalk
  management.chatbot mediaconnect mediaconvert mediaimport medialive mediapackage mediapackagev2
  mediapipelines.chime mediastore mediatailor medical-imaging meetings.chime
  member.org.stacksets.cloudformation memorydb metrics.wellarchitected mgn migrationhub
  migrationhub-orchestrator migrationhub-strategy mobileanalytics mobilehub monitoring
  monitoring.rds monitoring.thinclient monitron mpa mq mrk.kms neptune-graph
  neptune.application-autoscaling network-connectors.lambda network-firewall
  network-security-director network-security-manager network.bedrock-agentcore
  networking.apprunner networkmanager nimble notifications notifications.ssm observability.aoss
  observabilityadmin odb omics opensearchservice ops.apigateway ops.emr-serverless opsdatasync.ssm
  opsworks opsworks-cm organizations orgsdatasync.servicecatalog osis osis-pipelines outposts
  panorama partnercentral-account-management payment-cryptography pca-connector-ad
  pca-connector-scep pcs permission.iq personalize pinpoint pipes pods.eks
  practice-run.arc-zonal-shift private-marketplace.marketplace profile proton pullthroughcache.ecr
  purchaseorders q qapps qbusiness qldb quicksight ram rbin rds rds-preview
  rds.application-autoscaling redshift redshift-data redshift-serverless refactor-spaces
  rekognition remediation.config replication.cassandra replication.dynamodb replication.ecr
  replication.lexv2 replication.s3tables replicator.lambda reporting.trustedadvisor
  repository.sync.codeconnections repostspace resale-authorization.marketplace researchstudio
  resiliencehub resource-explorer-2 resource-groups resource-snapshot-job.partnercentral-selling
  resources.cloudformation restore-testing.backup robomaker rolesanywhere route53 route53domains
  route53resolver rtbfabric rum runtime-identity.bedrock-agentcore
  runtime-instances.bedrock-agentcore s3 s3-object-lambda s3-outposts s3.data-source.lustre.fsx
  s3tables sagemaker sagemaker-geospatial sagemaker.application-autoscaling scaler.lambda
  scheduler scheduler.redshift schema-conversion.dms schemas scraper.aps secretsmanager
  security-ir securityagent securityhub securityhubv2 securitylake self-managed-vpce.osis
  serverlessrepo servicecatalog servicecatalog-appregistry servicediscovery servicequotas ses
  shield signer signin simspaceweaver sms sms-voice smsintegration.migrationhub snowball sns
  social-messaging spot spotfleet sqlworkbench sqs ssm ssm-contacts ssm-guiconnect ssm-incidents
  ssm-quicksetup ssm-sap ssm.integrations sso stacksets.cloudformation states storage-lens.s3
  storagegateway streams.metrics.cloudwatch sts support supportapp supportplans swf
  sync.codeconnections sync.codestar-connections sync.proton synthetics tagpolicies.tag
  tasks.apprunner telemetry-enablement.observabilityadmin telemetry-pipelines.observabilityadmin
  textract thirdparty.config thirdparty.inspector2 timestream timestream-influxdb tnb transcribe
  transfer transform-custom transitgateway translate triage.security-ir trustedadvisor tts
  verifiedpermissions vmie voiceconnector.chime voiceid vpc-flow-logs vpc-lattice
  vpcorigin.cloudfront waf waf-regional wafv2 wam wellarchitected wisdom workdocs worklink
  workmail workspaces workspaces-instances workspaces-web workspaces.application-autoscaling xray
  `
    .trim()
    .split(/\s+/),
);

const SUFFIX = '.amazonaws.com';

/** Such as `us-east-1`, `us-gov-west-1`, `us-isob-east-1` and `eusc-de-east-1`. */
const REGION =
  /^(?:[a-z]{2}(?:-gov|-iso[a-z]?)?|eusc-[a-z]{2})-(?:north|south|east|west|central|(?:north|south)(?:east|west))-\d$/;

/**
 * Whether a name is the service principal of a service of AWS: its name and `.amazonaws.com`, such as
 * `credentials.iot.amazonaws.com`. Several services also have regional ones (`states.eu-west-1.amazonaws.com`), and
 * some have the DNS suffix of the partition (`ec2.amazonaws.com.cn`).
 */
export function isServicePrincipal(principal: string, dnsSuffix: string): boolean {
  const suffix = [SUFFIX, `.${dnsSuffix}`].find((one) => principal.endsWith(one));
  if (suffix === undefined) return false;
  const name = principal.slice(0, -suffix.length);
  if (NAMES.has(name)) return true;
  const [service = '', region = '', ...more] = name.split('.');
  return more.length === 0 && REGION.test(region) && NAMES.has(service);
}
